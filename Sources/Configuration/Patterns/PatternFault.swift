// SPDX-License-Identifier: ISC

extension Pattern {
  /// Why a text is no regular expression, or too long a one.
  package enum Fault: Error, Hashable, Sendable {
    case parenthesis
    case bracket
    /// `{` without numbers, or without `}`.
    case repetition
    case nothingToRepeat(UInt8)
    case trailingBackslash
    case unknownEscape(UInt8)
    /// `\1`, for which a text would have to be read again.
    case backReference
    /// Its ends are no bytes, or in the wrong order.
    case range
    case unknownClass(String)
    /// The name of more than a byte, or of none.
    case collatingElement(String)
    /// Beyond one of `Limits`.
    case tooLarge
  }
}

extension Pattern.Fault: CustomStringConvertible {
  /// For the operator.
  package var description: String {
    switch self {
    case .parenthesis: "a parenthesis without its other half"
    case .bracket: "\"[\" without its \"]\""
    case .repetition: "\"{\" that does not go on as n}, n,}, ,m} or n,m} with n up to m"
    case .nothingToRepeat(let byte):
      "nothing before \"\(Unicode.Scalar(byte))\" that it could repeat"
    case .trailingBackslash: "nothing behind the backslash"
    case .unknownEscape(let byte): "\"\\\(Unicode.Scalar(byte))\" has no meaning"
    case .backReference: "back references are not supported"
    case .range: "a range whose ends are no characters in order"
    case .unknownClass(let name): "there is no class \"\(name)\""
    case .collatingElement(let name):
      "\"\(name)\" is not one character, and no other collating element is known"
    case .tooLarge: "it is too large"
    }
  }
}
