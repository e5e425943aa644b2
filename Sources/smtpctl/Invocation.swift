// SPDX-License-Identifier: ISC

import ControlProtocol
import Mail

/// One run of `smtpctl` once its options are read: words in, lines and an exit status out.
struct Invocation {
  let words: [String]
  let style: Context.Style
  let mode: ControlRequest.Mode
  let state: StateDirectory
  let stores: StoreAccess
  let output: Output
  let report: (String) -> Void
  /// Writes as it is what a person at a terminal is shown meanwhile; nil when there is no terminal.
  let terminal: ((String) -> Void)?
  let connect: (_ socket: String) throws(CommandFailure) -> Transport
  let now: () -> Instant
  let nextSample: () -> Void?

  /// What this program says of itself to the daemon.
  static let build = "smtpctl \(TalariaVersion.text)"

  func run() -> ExitStatus {
    let offline = OfflineQueue(spool: state.spool, access: stores, now: now, warn: report)
    defer { offline.close() }
    let context = Context(
      style: style,
      mode: mode,
      output: output,
      service: { () throws(CommandFailure) in try service(or: offline) },
      stores: stores,
      spool: state.spool,
      terminal: terminal,
      warn: report,
      now: now,
      nextSample: nextSample
    )
    do throws(CommandFailure) {
      try command().run(in: context)
      try context.flush()
      return .success
    } catch {
      return fail(error)
    }
  }

  private func service(or offline: OfflineQueue) throws(CommandFailure) -> any QueueService {
    do {
      return try ControlConnection(try connect(state.socket), build: Invocation.build)
    } catch .unreachable {
      return offline
    }
  }

  private func command() throws(CommandFailure) -> any Command {
    do {
      let match = try CommandLineWords.match(words, in: CommandTable.entries)
      return match.entry.make(match.parameters)
    } catch {
      throw .invalid(error.text)
    }
  }

  /// What was answered before the failure is shown before it is reported.
  private func fail(_ failure: CommandFailure) -> ExitStatus {
    do throws(Output.Failure) {
      if case .standardOutput(let text) = failure.report { try output.line(text) }
      try output.flush()
    } catch .closed {
      return failure.exitStatus
    } catch {
      report("smtpctl: standard output: \(error)")
    }
    if case .standardError(let text) = failure.report { report(text) }
    return failure.exitStatus
  }
}
