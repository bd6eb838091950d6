// An answer of the server, as the screen says it.
import type { ScanAnswer, Shown } from "./shapes";

export function shownOf(answer: ScanAnswer): Shown {
  const { student, previous } = answer;
  return {
    result: answer.result,
    offline: false,
    date: answer.date,
    ...(answer.reason && { reason: answer.reason }),
    ...(student && { name: student.name }),
    ...(student?.roll_no && { rollNo: student.roll_no }),
    ...(student?.room_no && { roomNo: student.room_no }),
    ...(student?.picture_url && { picture: student.picture_url }),
    ...(previous && {
      before: { at: Date.parse(previous.scanned_at), device: previous.device },
    }),
  };
}
