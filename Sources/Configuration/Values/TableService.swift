// SPDX-License-Identifier: ISC

/// What a table is asked for; the names are those of the table protocol.
package enum TableService: String, CaseIterable, Sendable {
  case alias = "alias"
  case domain = "domain"
  case credentials = "credentials"
  case networkAddress = "netaddr"
  case userInformation = "userinfo"
  case source = "source"
  case mailAddress = "mailaddr"
  case mailAddressMap = "mailaddrmap"
  case addressName = "addrname"
  case relayHost = "relayhost"
  case string = "string"
  case regex = "regex"
}

/// What a table must be to serve a directive.
package enum TableKind: Hashable, Sendable {
  case list
  /// Keys with values.
  case map
  case either
}
