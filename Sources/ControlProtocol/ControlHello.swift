// SPDX-License-Identifier: ISC

internal import Mail

/// What both sides say first.
///
/// Its form never changes, so that programs of any two versions can tell each other apart; all that
/// comes after it may change with the version.
package struct ControlHello: Equatable, Sendable {
  /// The version of the protocol that this build speaks. Only equal versions understand each other.
  package static let currentVersion: UInt32 = 3

  package var version: UInt32
  /// The program and its version, for people: at most `ControlLimits.build` bytes.
  package var build: String

  package init(version: UInt32 = currentVersion, build: String) {
    self.version = version
    self.build = build
  }

  package var isCompatible: Bool { version == ControlHello.currentVersion }

  func encoded() -> [UInt8] {
    var writer = ByteWriter()
    writer.write(version)
    writer.write(build)
    return writer.finish()
  }

  init(decoding bytes: ArraySlice<UInt8>) throws(DecodingError) {
    var reader = ByteReader(bytes)
    version = try reader.readInteger()
    build = try reader.readString(of: "build", atMost: ControlLimits.build)
    try reader.expectEnd()
  }
}
