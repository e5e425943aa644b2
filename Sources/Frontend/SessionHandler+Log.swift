// SPDX-License-Identifier: ISC

internal import Interprocess
internal import Mail
internal import SMTP

/// What a session says in the log.
extension SessionHandler {
  func logConnection(from name: String) {
    let address = IPAddress(source).map { "\($0)" } ?? "local"
    let user = user.map { " uid=\($0)" } ?? ""
    service.context.log.line("\(id) smtp connected address=\(address) host=\(name)\(user)")
  }

  func log(_ event: ServerSession.LogEvent) {
    let log = service.context.log
    switch event {
    case .failedCommand(let command, let result):
      log.line("\(id) smtp failed-command command=\"\(command)\" result=\"\(result)\"")
    case .badInput(let result): log.line("\(id) smtp bad-input result=\"\(result)\"")
    case .authentication(let user, let result):
      log.line("\(id) smtp authentication user=\(user) result=\(result.rawValue)")
    case .message(let message, let size, let recipients, let proto):
      log.line(
        "\(id) smtp message msgid=\(message) size=\(size) nrcpt=\(recipients) proto=\(proto)"
      )
    }
  }
}
