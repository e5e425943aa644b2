// SPDX-License-Identifier: ISC

internal import Configuration

extension TableJudge {
  /// Judges by the files of this host, but for those at some paths.
  static func host(leavingOut isLeftOut: @escaping (String) -> Bool) -> TableJudge {
    TableJudge { TableFiles(LookupProjection($0)).faults(leavingOut: isLeftOut) }
  }
}
