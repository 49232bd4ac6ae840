/** The audit: one line for each act, and for each that was refused. */
import type { Actor } from './visitor.ts';

export interface AuditedAct {
  readonly by: string;
  readonly role: Actor['role'];
  readonly via: Actor['via'];
  readonly act: string;
  readonly on: string;
  readonly result: string;
}

/** The part that says who. */
export function auditedActor({ name, role, via }: Actor): Pick<AuditedAct, 'by' | 'role' | 'via'> {
  return { by: name, role, via };
}
