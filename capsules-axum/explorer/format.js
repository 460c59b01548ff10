/**
 * Figures and times as people read them, in the browser's language and time zone.
 */

const NUMBER = new Intl.NumberFormat();
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "full" });
const TIME = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hour12: false,
});
const MOMENT = new Intl.DateTimeFormat(undefined, {
  dateStyle: "medium",
  timeStyle: "medium",
  hour12: false,
});

/** `1234567` as `1,234,567`. */
export function count(number) {
  return NUMBER.format(number);
}

/** A number with its noun: `1 capsule`, `2 capsules`. */
export function counted(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** Milliseconds as `840 ms`, `2.3 s`, `4 min 12 s`, `3 h 20 min`. */
export function duration(millis) {
  if (millis < 1_000) {
    return `${Math.round(millis)} ms`;
  }
  const seconds = millis / 1_000;
  if (seconds < 60) {
    return `${seconds < 10 ? seconds.toFixed(1) : Math.floor(seconds)} s`;
  }
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) {
    return `${minutes} min ${Math.floor(seconds % 60)} s`;
  }
  return `${count(Math.floor(minutes / 60))} h ${minutes % 60} min`;
}

/** The local day of a time, or `""` when it is none. */
export function day(time) {
  return formatted(DAY, time);
}

export function timeOfDay(time) {
  return formatted(TIME, time) || time;
}

export function moment(time) {
  return formatted(MOMENT, time) || time;
}

/** How long ago something was. */
export function age(seconds) {
  return seconds < 2 ? "just now" : `${duration(seconds * 1_000)} ago`;
}

/** A number between 0 and 1 as a percentage. */
export function percent(share) {
  return `${Math.round(share * 1_000) / 10} %`;
}

function formatted(format, time) {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? "" : format.format(date);
}
