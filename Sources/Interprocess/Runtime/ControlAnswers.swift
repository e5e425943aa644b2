// SPDX-License-Identifier: ISC

package import ControlProtocol

extension RoleContext {
  /// The answer that every role gives in the same way; nil when the request is the role's own business.
  package func commonAnswer(to request: ControlRequest) -> ControlResponse? {
    switch request {
    case .logLevel(let level):
      log.setVerbosity(level == .verbose ? 1 : 0)
      return .done
    default: return nil
    }
  }
}
