// Who is signed in. In a demo any of its cast, by name; elsewhere whoever has a token. What a token says is read here to
// greet a person and to fill in their own part of a Consent; whether it is true is the service's to judge.

/** The demo's cast: name, as people read it, what they are for. */
export const CAST = [
  ['clinician', 'Dr Ada Marsh, doctor', 'May see all ten views, if the patient agrees.'],
  ['nurse', 'Ben Holt, nurse', 'The same organisation: needs a consent of his own.'],
  ['other-clinician', 'Dr Eli Stone, doctor elsewhere', 'Another organisation, whose agreement has fewer views.'],
  ['receptionist', 'Cai Reed, receptionist', 'Not a clinician: refused.'],
  ['untrained-clinician', 'Dr Dee Frost, doctor', 'Not trained yet: refused.'],
  ['unagreed-clinician', 'Dr Fay Brook, doctor', 'An organisation without an agreement: refused.'],
  ['privacy-officer', 'Gil North, privacy officer', 'Reviews overrides and sees who looked.'],
  ['practice-auditor', 'Hal West, practice auditor', 'Sees who looked at the practice\u2019s patients.'],
];

/** What a bearer token says about its holder; null where it cannot be read. */
export function holder(token) {
  try {
    const middle = token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
    const bytes = Uint8Array.from(atob(middle), (c) => c.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    const roles = claims.nhsid_nrbac_roles || [];
    const role = roles.find((one) => one.person_roleid === claims.selected_roleid) || (roles.length === 1 ? roles[0] : {});
    const scopes = String(claims.scope || '').split(' ');
    const may = (type) => scopes.some((scope) => scope.startsWith('user/' + type + '.') || scope.startsWith('user/*.'));
    return {
      token,
      user: String(claims.nhsid_useruid || claims.sub || ''),
      name: String(claims.name || claims.nhsid_useruid || claims.sub || ''),
      organisation: String(role.org_code || claims.org_code || ''),
      role: String(role.role_name || role.role_code || ''),
      reviews: may('Task'),
      audits: may('AuditEvent'),
      reads: may('Patient') || !(may('Task') || may('AuditEvent')),
    };
  } catch {
    return null;
  }
}
