// SPDX-License-Identifier: ISC

extension HostFacts {
  /// What a host is called that calls itself `name`, before a `mailname` says otherwise.
  ///
  /// A name with a dot is taken as it is. A bare one is completed by the text of `/etc/hosts`, else by what
  /// the system's resolver has for it, which is asked only then; where that knows no name of a domain the bare one stays.
  package static func name(
    completing name: String,
    hosts: String,
    asking system: (String) -> String?
  ) -> String {
    guard !name.contains(".") else { return name }
    return fullName(of: name, in: hosts) ?? system(name).flatMap(usable) ?? name
  }

  private static func fullName(of name: String, in hosts: String) -> String? {
    for line in hosts.split(whereSeparator: \.isNewline) {
      let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
      guard words.count > 1, words.dropFirst().contains(where: { $0 == name }) else { continue }
      if let full = words.dropFirst().first(where: { $0.hasPrefix(name + ".") }) {
        return String(full)
      }
    }
    return nil
  }

  /// A canonical name that others may be told: of a domain, and not of every host's own.
  private static func usable(_ text: String) -> String? {
    let name = text.hasSuffix(".") ? String(text.dropLast()) : text
    let labels = name.lowercased().split(separator: ".")
    guard labels.count > 1, HostName.isValid(name) else { return nil }
    return labels.first == "localhost" || labels.last == "localhost" ? nil : name
  }
}
