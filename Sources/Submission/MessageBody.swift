// SPDX-License-Identifier: ISC

/// What has to be done to a body, so that it can travel.
struct MessageBody {
  /// The longest line that is sent as it is, its end not counted.
  static let lineMax = 989

  /// Fields to add, each ended by LF.
  private(set) var added: [UInt8] = []
  /// Fields that do not count any more.
  private(set) var removed: [String] = []
  private(set) var bytes: [UInt8]

  init(of message: MessageFields) {
    let body = message.body
    bytes = Array(body)
    let faults = MessageBody.faults(of: body)
    guard !faults.isEmpty else { return }
    let type = message.named("content-type").first.map { MessageBody.word($0.value) }
    let isComposite = type.map { $0.hasPrefix("multipart/") || $0.hasPrefix("message/") } ?? false
    let encoding = message.named("content-transfer-encoding").first.map {
      MessageBody.word($0.value)
    }
    if !isComposite, ["7bit", "8bit", "binary"].contains(encoding ?? "7bit") {
      encode(message, type)
    } else if faults.contains(.control) {
      // Its parts have encodings of their own, which say nothing of such bytes.
      bytes = body.compactMap { $0 == 0 ? nil : $0 == 0x0d ? 0x0a : $0 }
    }
  }

  private enum Fault {
    case longLine
    /// A NUL, or a CR that ends no line.
    case control
  }

  private static func faults(of body: ArraySlice<UInt8>) -> Set<Fault> {
    var faults: Set<Fault> = []
    var length = 0
    for byte in body {
      length = byte == 0x0a ? 0 : length + 1
      if length > lineMax { faults.insert(.longLine) }
      if byte == 0 || byte == 0x0d { faults.insert(.control) }
    }
    return faults
  }

  private mutating func encode(_ message: MessageFields, _ type: String?) {
    var fields = ""
    if !message.has("mime-version") { fields += "MIME-Version: 1.0\n" }
    if type == nil {
      let isText = bytes.allSatisfy { $0 < 0x80 }
      let isUnicode = String(validating: bytes, as: UTF8.self) != nil
      let charset = isText ? "us-ascii" : isUnicode ? "utf-8" : "unknown-8bit"
      fields += "Content-Type: text/plain; charset=\(charset)\n"
    }
    fields += "Content-Transfer-Encoding: quoted-printable\n"
    added = Array(fields.utf8)
    removed = ["content-transfer-encoding"]
    bytes = QuotedPrintable.encode(bytes)
  }

  /// The first word of a value in lower case.
  private static func word(_ value: ArraySlice<UInt8>) -> String {
    let word = value.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0a }
      .prefix { $0 > 0x20 && $0 != UInt8(ascii: ";") }
    return String(decoding: word, as: UTF8.self).lowercased()
  }
}
