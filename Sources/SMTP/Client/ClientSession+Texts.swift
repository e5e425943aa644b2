// SPDX-License-Identifier: ISC

internal import Mail

extension ClientSession {
  /// A refusal as the outcome of who was refused.
  static func failure(_ reply: Reply) -> Outcome {
    guard !reply.isPositive else {
      return .temporary(
        EnhancedStatus(.temporary, 5, 0),
        "Unexpected reply: \(reply)"
      )
    }
    return reply.isPermanent
      ? .permanent(reply.status, reply.description) : .temporary(reply.status, reply.description)
  }

  /// The end of the connection as the outcome of who has none yet.
  static func interruption(_ reason: CloseReason, _ detail: String?) -> Outcome {
    let badConnection = EnhancedStatus(.temporary, 4, 2)
    return switch reason {
    case .refused(let reply): .temporary(reply.code / 100 == 4 ? reply.status : nil, "\(reply)")
    case .quit, .lost: .temporary(badConnection, "Connection closed unexpectedly")
    case .timeout: .temporary(badConnection, "Connection timed out")
    case .nonsense(let text): .temporary(EnhancedStatus(.temporary, 5, 0), text)
    case .tlsUnavailable, .tlsFailed:
      .temporary(EnhancedStatus(.temporary, 7, 0), text(of: reason))
    case .unsigned(let text): .temporary(EnhancedStatus(.temporary, 3, 0), text)
    case .authenticationUnavailable, .authenticationRefused:
      .temporary(EnhancedStatus(.temporary, 7, 8), text(of: reason))
    case .bodyAborted:
      .temporary(EnhancedStatus(.temporary, 3, 0), detail ?? "Message could not be read")
    }
  }

  /// Why there is no TLS, or why we are not known; empty when that is not the reason.
  package static func text(of reason: CloseReason) -> String {
    switch reason {
    case .tlsUnavailable: "TLS required but not supported by remote host"
    case .tlsFailed(let text): "TLS handshake failed: \(text)"
    case .unsigned(let text): text
    case .authenticationUnavailable: "AUTH required but not supported by remote host"
    case .authenticationRefused(let reply): "AUTH rejected: \(reply)"
    case .quit, .refused, .lost, .timeout, .nonsense, .bodyAborted: ""
    }
  }

  static func text(of fault: ReplyReader.Fault) -> String {
    switch fault {
    case .lineTooLong: "Reply line too long"
    case .tooManyLines: "Reply has too many lines"
    case .malformed: "Malformed reply"
    }
  }
}
