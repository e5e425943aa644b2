// SPDX-License-Identifier: ISC

package import Configuration

/// What the values of tables have to be, by who asks.
package enum TableValue {
  /// Why nothing can ever be delivered by a value; nil when something can.
  package static func fault(of value: String, for service: TableService) -> String? {
    switch service {
    case .alias: isPlainName(value) ? nil : aliasFault(of: value)
    case .userInformation:
      Account(parsing: value) == nil ? "\"\(value)\" is no uid:gid:home of an account" : nil
    default: nil
    }
  }

  /// The usual value of a large table.
  private static func isPlainName(_ value: String) -> Bool {
    1...ExpansionLimits.node ~= value.utf8.count
      && value.utf8.allSatisfy {
        switch $0 {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "."), UInt8(ascii: "-"): true
        default: false
        }
      }
  }

  private static func aliasFault(of value: String) -> String? {
    let list: NodeList
    do throws(NodeList.Fault) {
      list = try NodeList(parsing: value)
    } catch {
      return "\(error)"
    }
    for case .command(let text) in list.nodes where text.contains("%{") {
      do throws(Format.Fault) {
        _ = try Format(parsing: text, for: .command)
      } catch {
        return "\"|\(text)\": \(error.text)"
      }
    }
    return nil
  }
}
