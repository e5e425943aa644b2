// SPDX-License-Identifier: ISC

import Glibc

/// Files beside the tests.
enum TestFile {
  /// The names in a folder beside this file, sorted; those that begin with a dot are left out.
  static func names(in folder: String) -> [String] {
    // The stream is closed below, and no entry outlives the step that reads it.
    guard let stream = unsafe opendir(path(folder)) else { return [] }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    unsafe closedir(stream)
    return names.sorted()
  }

  /// The content of a file beside this file; empty when it cannot be read.
  static func bytes(_ name: String) -> [UInt8] {
    guard let file = unsafe fopen(path(name), "r") else { return [] }
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

  private static func path(_ name: String) -> String {
    #filePath.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/" + name
  }
}
