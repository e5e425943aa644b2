// SPDX-License-Identifier: ISC

extension String {
  /// A stranger's text as one word of ASCII, for a line of the log or a field: everything else, a blank
  /// included, would look like more of the line and is a `?`.
  package var asOneWord: String {
    unicodeScalars.map { 0x21...0x7e ~= $0.value ? String($0) : "?" }.joined()
  }
}
