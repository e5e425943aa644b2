// SPDX-License-Identifier: ISC

import TestFiles

/// The folders beside this file.
enum CorpusFiles {
  /// The fuzz targets that have a corpus, in order.
  static func targets() -> [String] {
    TestFile.names().filter { !TestFile.names(in: "\($0)/Corpus").isEmpty }
  }

  /// The content of each file of a target's corpus, by name.
  static func all(of target: String) -> [[UInt8]] {
    let folder = "\(target)/Corpus"
    return TestFile.names(in: folder).map { TestFile.bytes("\(folder)/\($0)") }
  }
}
