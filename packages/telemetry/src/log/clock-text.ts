/** Times in log lines. Thousands of lines fall into the same second, so the text of the last one is kept. */

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** `Sun Aug 02 09:05:01 2026`, in the time zone of the process, as mail_logs has it. */
export function mailLogsTime(): (nowMs: number) => string {
  return perSecond((date) => {
    const day = `${days[date.getDay()]} ${months[date.getMonth()]} ${twoDigits(date.getDate())}`;
    return `${day} ${clockTime(date)} ${date.getFullYear()}`;
  });
}

/** `09:05:01`, for a terminal. */
export function terminalTime(): (nowMs: number) => string {
  return perSecond(clockTime);
}

/** `2026-08-02T07:05:01.250Z`. */
export function isoTime(): (nowMs: number) => string {
  let lastMs = Number.NaN;
  let text = '';
  return (nowMs) => {
    if (nowMs !== lastMs) {
      text = new Date(nowMs).toISOString();
      lastMs = nowMs;
    }
    return text;
  };
}

function perSecond(format: (date: Date) => string): (nowMs: number) => string {
  let lastSecond = Number.NaN;
  let text = '';
  return (nowMs) => {
    const second = Math.floor(nowMs / 1000);
    if (second !== lastSecond) {
      text = format(new Date(nowMs));
      lastSecond = second;
    }
    return text;
  };
}

function clockTime(date: Date): string {
  return `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}:${twoDigits(date.getSeconds())}`;
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
