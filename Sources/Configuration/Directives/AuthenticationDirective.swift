// SPDX-License-Identifier: ISC

/// `auth shadow`, `auth pam [SERVICE]`.
extension Parser {
  mutating func parseAuthentication() throws(SyntaxFault) {
    let place = try peek().position
    let (word, _) = try choice(of: "auth", among: ["shadow", "pam"])
    var passwords = SystemPasswords.shadow
    if word == "pam" {
      passwords = .pam(.usual)
      if try !peek().isEndOfStatement {
        let (text, position) = try string("a PAM service")
        guard let service = PAMService(parsing: text) else {
          throw SyntaxFault(complaint: .pamService(text), position: position)
        }
        passwords = .pam(service)
      }
    }
    try endOfStatement()
    guard seenSettings.insert("auth").inserted else {
      return report(.repeated("\"auth\""), at: place)
    }
    draft.systemPasswords = passwords
  }
}
