// SPDX-License-Identifier: ISC

extension Envelope {
  /// What an envelope takes of memory, in bytes: by estimate, and rather too much.
  package var memoryBytes: Int {
    var bytes = MemoryCost.structure(of: Envelope.self) + unknownFields.count
    for text in [
      action, recipient.local, recipient.domain, destination.local, destination.domain,
      progress.lastError, progress.lastPeer,
    ] { bytes += MemoryCost.text(text) }
    bytes += MemoryCost.text(originalRecipient ?? "")
    if case .local(let local) = kind {
      bytes += MemoryCost.text(local.user) + MemoryCost.text(local.subaddress ?? "")
      bytes += MemoryCost.text(local.command ?? "")
    }
    return bytes
  }
}

extension Message {
  /// What the record of a message takes of memory without body and envelopes, in bytes, by estimate.
  package var memoryBytes: Int {
    var bytes = MemoryCost.structure(of: Message.self) + unknownFields.count
    for text in [
      sender?.local ?? "", sender?.domain ?? "", envelopeIdentifier ?? "", session.serverName,
      session.helo, session.hostname, session.user ?? "", session.tag,
    ] { bytes += MemoryCost.text(text) }
    return bytes
  }
}

/// What values cost in memory.
private enum MemoryCost {
  /// Collections double their storage when they grow.
  static func structure<Value>(of type: Value.Type) -> Int { 2 * MemoryLayout<Value>.stride }

  /// Short texts lie within the value that has them; others have a header, and what the allocator adds.
  static func text(_ text: String) -> Int {
    let count = text.utf8.count
    return count <= 15 ? 0 : count + 48
  }
}
