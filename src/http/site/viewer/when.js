/** An instant as people read it. */
export const time = (instant) => (instant ? new Date(instant).toLocaleString('en-GB', {
  day: '2-digit', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit',
}) : 'not given');
