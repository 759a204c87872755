// Every coded reason of a refusal, as people say it, and what to do about it. The words are the page's own; the codes are
// those of the code system `refusal`.

/** Code to `[what it means, what to do, what may be offered]`. */
export const REASONS = {
  TOKEN: ['Your sign-in is missing, wrong or has run out.', 'Sign in again.', 'sign-in'],
  ACCESS_DENIED: ['You may not do this.', 'Ask whoever looks after your access.'],
  SCOPE: ['Your sign-in does not cover this kind of information.',
    'Sign in as somebody whose work it is, or have the application ask for the scope.'],
  ROLE: ['Only qualified clinicians may see a record, and your role is not one of theirs.',
    'If you have several roles, sign in with the clinical one. Otherwise ask a clinician.'],
  ASSURANCE: ['Your sign-in is not strong enough.', 'Sign in with a smartcard or its equal.'],
  PURPOSE: ['The record is shown for direct care only.', 'Use another source for any other purpose.'],
  ENROLMENT: ['You have not accepted the terms of use, or your training is not done or has run out.',
    'Do the training and accept the terms; your administrator then records it.'],
  SUSPENDED: ['Access is stopped for now.', 'Ask your administrator or the privacy officer why and until when.'],
  RELATIONSHIP: ['The patient is not registered for care with your organisation.',
    'Register the patient first, if you are treating them.'],
  SHARER: ['The practice\u2019s system did not accept your organisation, you or your role.', 'Ask your administrator.'],
  NETWORK: ['You are not on a network that is let in.', 'Use a computer of your organisation.'],
  NO_ORGANISATION_CONSENT: ['There is no sharing agreement that covers this.',
    'Ask the practice in another way. Which practices share with whom is on the sharing page.'],
  NO_PATIENT_CONSENT: ['There is no consent of the patient.', 'Ask the patient.'],
  CONSENT_REQUIRED: ['Nobody has asked the patient yet.',
    'Ask the patient whether you may look at the record now, and record the answer.', 'ask'],
  CONSENT_REFUSED: ['The patient said no.',
    'Respect it and treat the patient without the record. Only the patient can change the answer.', 'refused'],
  CONSENT_EXPIRED: ['The patient\u2019s consent for this occasion has run out or was withdrawn.', 'Ask the patient again.', 'ask'],
  OPTED_OUT: ['The patient has told the practice not to share.',
    'Neither a consent given here nor an override lifts this. The patient can change it at the practice.'],
  PATIENT_NOT_FOUND: ['No record can be shown for this patient.',
    'Check the NHS number and the date of birth. This does not mean that there is no record.'],
  NOT_FOUND: ['There is no such thing here.', 'Go back and start again.'],
  QUERY: ['The question was not understood.', 'See which parameter is named.'],
  RESOURCE_INVALID: ['What was sent breaks a rule.', 'See which element is named.'],
  CONFLICT: ['Somebody has changed it since you read it.', 'Read it again, then change it.'],
  SEARCH_EXPIRED: ['What may be shown has changed since the first page.', 'Start the search again.'],
  METHOD: ['This cannot be done here.', 'See the documentation.'],
  ACCEPT: ['The format asked for is not served.', 'Ask for JSON or XML.'],
  MEDIA_TYPE: ['The format sent is not read.', 'Send JSON or XML.'],
  TOO_LONG: ['The request is too long.', 'Send less.'],
  MIG_ERROR: ['The practice\u2019s system gave an answer that cannot be used.', 'Try again later, or ring the practice.', 'again'],
  MIG_UNAVAILABLE: ['The practice\u2019s system cannot be reached now.', 'Try again later, or ring the practice.', 'again'],
  MIG_TIMEOUT: ['The practice\u2019s system did not answer in time.', 'Try again, or ring the practice.', 'again'],
  THROTTLED: ['There are too many requests.', 'Wait a little and try again.', 'again'],
  AUDIT_UNAVAILABLE: ['The access could not be written to the audit, so nothing was shown.', 'Try again later.', 'again'],
  INTERNAL: ['Something went wrong in the service.', 'Quote the request number to whoever looks after it.'],
};

/** The most particular coded reason that is known, of the codes in an outcome. */
export function reason(codes) {
  const known = codes.filter((code) => Object.hasOwn(REASONS, code));
  return known.length ? known[known.length - 1] : null;
}
