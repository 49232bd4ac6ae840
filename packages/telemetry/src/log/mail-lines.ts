/**
 * The text of events about messages and connections, in the mail_logs form: word for word what administrators of email
 * security appliances search for. An event without a text has no line in this form; what it says stands in others.
 */
import type { IncomingEvent, OutgoingEvent } from './events.ts';

export type MailEvent = IncomingEvent | OutgoingEvent;

/** One line without prefix and line end; undefined: none. The caller has made the strings fit for a line. */
export function mailLine(of: MailEvent): string | undefined {
  switch (of.event) {
    case 'icid-open':
      return `New SMTP ICID ${of.icid} interface ${of.interfaceName} (${of.interfaceAddress}) address ${of.address} reverse dns host ${of.reverseName || 'unknown'} verified ${of.verified ? 'yes' : 'no'}`;
    case 'message-start':
      return `Start MID ${of.mid} ICID ${of.icid}`;
    case 'from':
      return `MID ${of.mid} ICID ${of.icid} From: <${of.address}>`;
    case 'to':
      return `MID ${of.mid} ICID ${of.icid} RID ${of.rid} To: <${of.address}>`;
    case 'message-id':
      return `MID ${of.mid} Message-ID '${of.headerMessageId}'`;
    case 'subject':
      return `MID ${of.mid} Subject '${of.subject}'`;
    case 'message-ready':
      return `MID ${of.mid} ready ${of.bytes} bytes from <${of.address}>`;
    case 'queued':
      return `MID ${of.mid} queued for delivery`;
    case 'icid-close':
      return `ICID ${of.icid} close`;
    case 'icid-tls':
      return `ICID ${of.icid} TLS success protocol ${of.protocol} cipher ${of.cipher}`;
    case 'icid-tls-failed':
      return `ICID ${of.icid} address ${of.address} TLS failed: ${of.details}`;
    case 'login':
      return `SMTP Auth: (ICID ${of.icid}) ${of.succeeded ? 'succeeded' : 'failed'} for user: ${of.user || '(unknown)'} using AUTH mechanism: ${of.mechanism} address ${of.address}`;
    case 'accept-refused':
      return `ICID ${of.icid} address ${of.address}${of.recipient === undefined ? '' : ` To: <${of.recipient}>`} Rejected: ${of.reply}`;
    case 'generated-bounce':
      return `MID ${of.mid} was generated for bounce of MID ${of.of}`;
    case 'dcid-open':
    case 'tls':
    case 'delivery-start':
    case 'message-done':
    case 'response':
    case 'message-finished':
    case 'dcid-close':
    case 'connection-error':
    case 'delayed':
    case 'bounced':
    case 'discarded':
    case 'attempt':
      return outgoingLine(of);
  }
}

function outgoingLine(of: OutgoingEvent): string | undefined {
  switch (of.event) {
    case 'dcid-open':
      return `New SMTP DCID ${of.dcid} interface ${of.interfaceAddress} address ${of.address} port ${of.port}`;
    case 'tls':
      return `DCID ${of.dcid} TLS success protocol ${of.protocol} cipher ${of.cipher}`;
    case 'delivery-start':
      return `Delivery start DCID ${of.dcid} MID ${of.mid} to RID [${of.rids.join(', ')}]`;
    case 'message-done':
      return `Message done DCID ${of.dcid} MID ${of.mid} to RID [${of.rids.join(', ')}]`;
    case 'response':
      return `MID ${of.mid} RID [${of.rids.join(', ')}] Response ${of.reply}`;
    case 'message-finished':
      return `Message finished MID ${of.mid} done`;
    case 'dcid-close':
      return `DCID ${of.dcid} close`;
    case 'connection-error':
      return `Connection Error: DCID ${of.dcid} domain: ${of.domain} IP: ${of.address} port: ${of.port} details: ${of.details} interface: ${of.interfaceAddress} reason: ${of.reason}`;
    case 'delayed':
      return `Delayed: ${postponed(of)}`;
    case 'bounced':
      return `Bounced: ${postponed(of)}`;
    case 'discarded':
      return `MID ${of.mid} RID [${of.rids.join(', ')}] discarded by route ${of.route}`;
    case 'attempt':
      return undefined;
  }
}

function postponed(of: OutgoingEvent & { event: 'delayed' | 'bounced' }): string {
  return `DCID ${of.dcid} MID ${of.mid} to RID ${of.rid} - ${of.enhancedCode} - ${of.text} ('${of.code}', ['${of.reply}']) []`;
}
