// SPDX-License-Identifier: ISC

import ControlProtocol
import Interprocess
import Mail
import ResolverEdge

/// Any bytes as a message of an edge, as a request or response of the administration socket, or as
/// the stream of that socket: the first byte chooses. What is read can be written, is read again, and
/// then has one form only.
enum FrameInput {
  static func run(_ bytes: [UInt8]) {
    guard let choice = bytes.first else { return }
    let content = Array(bytes.dropFirst())
    let index = Int(choice) % (readers.count + 1)
    if index < readers.count { readers[index](content) } else { cut(content) }
  }

  /// How many choices the first byte has.
  static var choices: Int { readers.count + 1 }

  private static let readers: [@Sendable ([UInt8]) -> Void] = [
    { message(FrontendToQueue.self, $0) },
    { message(QueueToFrontend.self, $0) },
    { message(FrontendToLookup.self, $0) },
    { message(LookupToFrontend.self, $0) },
    { message(LookupToQueue.self, $0) },
    { message(QueueToLookup.self, $0) },
    { message(LookupToAccounts.self, $0) },
    { message(AccountsToLookup.self, $0) },
    { message(QueueToDelivery.self, $0) },
    { message(DeliveryToQueue.self, $0) },
    { message(ControlToRole.self, $0) },
    { message(RoleToControl.self, $0) },
    { message(ResolverQuery.self, $0) },
    { message(ResolverReply.self, $0) },
    { message(SupervisorToRole.self, $0) },
    { message(RoleToSupervisor.self, $0) },
    { message(DeliveryToLookup.self, $0) },
    { message(LookupToDelivery.self, $0) },
    { message(ToKeys.self, $0) },
    { message(FromKeys.self, $0) },
    { request($0) },
    { response($0) },
  ]

  private static func message<Message: EdgeMessage>(_: Message.Type, _ bytes: [UInt8]) {
    guard let message = decoded(Message.self, bytes) else { return }
    let first = encoded(message)
    guard let again = decoded(Message.self, first) else {
      preconditionFailure("\(message) is not read again")
    }
    precondition(encoded(again) == first, "\(message) has two forms")
  }

  private static func decoded<Message: EdgeMessage>(
    _: Message.Type,
    _ bytes: [UInt8]
  ) -> Message? {
    var reader = ByteReader(bytes)
    guard let message = try? Message(decoding: &reader), reader.isAtEnd else { return nil }
    return message
  }

  private static func encoded(_ message: some EdgeMessage) -> [UInt8] {
    var writer = ByteWriter(reserving: 256)
    message.encode(into: &writer)
    return writer.finish()
  }

  private static func request(_ bytes: [UInt8]) {
    guard let request = try? ControlRequest(decoding: bytes) else { return }
    let first = request.encoded()
    precondition((try? ControlRequest(decoding: first).encoded()) == first, "\(request)")
  }

  private static func response(_ bytes: [UInt8]) {
    guard let response = try? ControlResponse(decoding: bytes) else { return }
    let first = response.encoded()
    precondition((try? ControlResponse(decoding: first).encoded()) == first, "\(response)")
  }

  /// Cuts the bytes into frames, all at once and one by one: both must give the same.
  private static func cut(_ bytes: [UInt8]) {
    precondition(frames(bytes, by: bytes.count) == frames(bytes, by: 1), "pieces matter")
  }

  /// The frames, and the error that ended the stream.
  private static func frames(_ bytes: [UInt8], by step: Int) -> [String] {
    var decoder = ControlFrameDecoder(limit: 1000)
    var found: [String] = []
    for start in stride(from: 0, to: bytes.count, by: max(1, step)) {
      decoder.append(bytes[start..<min(start + step, bytes.count)])
      do {
        while let frame = try decoder.next() {
          found.append("\(frame)")
          precondition((try? ControlFrame(decoding: frame.encoded().dropFirst(4))) == frame)
        }
      } catch {
        return found + ["\(error)"]
      }
      precondition(decoder.pending < 1004)
    }
    return found
  }
}
