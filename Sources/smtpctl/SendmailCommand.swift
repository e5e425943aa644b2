// SPDX-License-Identifier: ISC

import ControlProtocol
import Sendmail
import Submission

/// sendmail(8), by whichever of its names.
enum SendmailCommand {
  static func run(_ arguments: [String]) -> Int32 {
    do throws(SendmailOptions.Misuse) {
      let options = try SendmailOptions(arguments)
      switch options.mode {
      case .aliases: return Newaliases.run([]).rawValue
      case .queue: return Personality.mailq([])
      case .dialog: return converse().rawValue
      case .send: return send(options, arguments).rawValue
      }
    } catch {
      switch error {
      case .usage(let text):
        SystemCalls.report("sendmail: \(text)\n\(SendmailOptions.usage)")
        return SendmailStatus.usage.rawValue
      case .unsupported(let text):
        SystemCalls.report("sendmail: \(text)")
        return SendmailStatus.refused.rawValue
      }
    }
  }

  private static func send(_ options: SendmailOptions, _ arguments: [String]) -> SendmailStatus {
    do throws(StateDirectory.Failure) {
      return Sendmail.send(options, arguments, to: try SubmissionPlace.current())
    } catch {
      SystemCalls.report("sendmail: \(error)")
      return .unavailable
    }
  }

  private static func converse() -> SendmailStatus {
    do throws(StateDirectory.Failure) {
      return Sendmail.converse(at: try SubmissionPlace.current())
    } catch {
      SystemCalls.report("sendmail: \(error)")
      return .unavailable
    }
  }
}
