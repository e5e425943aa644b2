// SPDX-License-Identifier: ISC

import Configuration
import Mail
import Queue
import StoreFactory

// Fills a spool, so that a daemon and smtpctl can be measured with a long queue:
//     SpoolGenerator BACKEND DIRECTORY MESSAGES DOMAINS [ENVELOPES-A-MESSAGE]

enum Usage: Error { case wrong }

let arguments = CommandLine.arguments.dropFirst()
guard let word = arguments.first, let backend = QueueBackend(rawValue: word), arguments.count >= 4
else { throw Usage.wrong }
let numbers = arguments.dropFirst(2).compactMap { UInt32($0) }
guard numbers.count >= 2, numbers.allSatisfy({ $0 > 0 }) else { throw Usage.wrong }
let (messages, domains, recipients) = (numbers[0], numbers[1], numbers.count > 2 ? numbers[2] : 1)

/// A message for `recipients` people of one of the domains. The first try is long due.
func message(_ number: UInt32) throws -> NewMessage {
  guard let id = MessageID(number) else { throw Usage.wrong }
  let created = Instant(seconds: 1_790_000_000 + Int64(number))
  let body = Array("Subject: \(number)\r\n\r\nOne of many.\r\n".utf8)
  let facts = SessionFacts(
    id: SessionID(UInt64(number)),
    source: .inet4(0x7f00_0001),
    serverName: "mail.example.org",
    helo: "client.example.org",
    hostname: "localhost"
  )
  let envelopes = try (1...recipients).map { low in
    guard let envelope = EnvelopeID(message: id, low: low) else { throw Usage.wrong }
    return Envelope(
      id: envelope,
      kind: .relay,
      action: "out",
      recipient: Address(local: "user\(low)", domain: "d\(number % domains).example"),
      destination: Address(local: "user\(low)", domain: "d\(number % domains).example"),
      created: created
    )
  }
  return NewMessage(
    message: Message(
      id: id,
      sender: Address(local: "sender\(number % 100)", domain: "example.org"),
      created: created,
      size: body.count,
      session: facts
    ),
    envelopes: envelopes,
    body: .bytes(body)
  )
}

let disk = try StoreFactory.disk(arguments[arguments.startIndex + 1])
let store = StoreFactory.store(backend, on: disk)
_ = try store.open()
let batch: UInt32 = 4096
for start in stride(from: UInt32(1), through: messages, by: Int(batch)) {
  let end = min(messages, start + batch - 1)
  try store.apply((start...end).map { .insert(try message($0)) })
}
// As a server leaves it: the next number is behind those that it gave.
var cursor = ByteWriter()
cursor.write(messages + 1)
try store.apply([.set(IdentifierCursor.setting, cursor.finish())])
try store.close(within: .seconds(600))
print("\(messages) messages, \(messages * recipients) envelopes")
