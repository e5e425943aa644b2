// SPDX-License-Identifier: ISC

internal import Configuration
internal import SMTP

extension FrontendProjection.Listener {
  /// What its sessions do about AUTH.
  func configureAuthentication(of configuration: inout ServerSession.Configuration) {
    configuration.authentication =
      switch authentication.policy {
      case .none: .none
      case .optional: .offered
      case .required: .required
      }
    configuration.receivedAuthentication = receivedAuthentication == .shown ? .shown : .hidden
    configuration.senders =
      switch senders?.header {
      case nil: .anybody
      case .kept: .checked
      case .replaced: .masqueraded
      }
  }
}
