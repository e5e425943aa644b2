// SPDX-License-Identifier: ISC

import Glibc

/// The folders beside this file.
enum CorpusFiles {
  private static let root =
    "/" + #filePath.split(separator: "/").dropLast().joined(separator: "/")

  /// The fuzz targets that have a corpus, in order.
  static func targets() -> [String] {
    names(in: root).filter { !names(in: "\(root)/\($0)/Corpus").isEmpty }
  }

  /// The content of each file of a target's corpus, by name.
  static func all(of target: String) -> [[UInt8]] {
    let folder = "\(root)/\(target)/Corpus"
    return names(in: folder).map { content("\(folder)/\($0)") }
  }

  /// Sorted; those that begin with a dot are left out. Empty when there is no such folder.
  private static func names(in folder: String) -> [String] {
    // The stream is closed below, and no entry outlives the step that reads it.
    guard let stream = unsafe opendir(folder) else { return [] }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      // The name ends with a zero within its 256 bytes.
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    unsafe closedir(stream)
    return names.sorted()
  }

  private static func content(_ path: String) -> [UInt8] {
    // The stream is closed below, and the buffer is as large as the count says.
    guard let file = unsafe fopen(path, "r") else { return [] }
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe fread(&buffer, 1, buffer.count, file)
      guard count > 0 else { break }
      content += buffer[..<count]
    }
    unsafe fclose(file)
    return content
  }
}
