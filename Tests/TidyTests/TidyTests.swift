// SPDX-License-Identifier: ISC

import Testing

/// The style of the project, kept true over its sources.
@Suite("The tree is tidy")
struct TidyTests {
  private static let sources = SourceTree.files(below: "Sources")
  private static let all =
    sources
    + ["Benchmarks", "Fuzz", "Tests"].flatMap { SourceTree.files(below: $0) }

  @Test("the tree is found")
  func found() {
    #expect(TidyTests.sources.count > 100)
    #expect(TidyTests.all.count > TidyTests.sources.count)
  }

  @Test("every file begins with its license")
  func license() {
    for file in TidyTests.all {
      let head = file.lines.prefix(2)
      #expect(head.contains("// SPDX-License-Identifier: ISC"), "\(file.path)")
    }
  }

  @Test("files are 400 lines at most; state machines that are named here, 600")
  func fileLength() {
    for file in TidyTests.all {
      let limit = Exceptions.stateMachines.contains(file.path) ? 600 : 400
      #expect(file.lines.count <= limit, "\(file.path): \(file.lines.count) lines")
    }
    for path in Exceptions.stateMachines {
      let file = TidyTests.sources.first { $0.path == path }
      #expect((file?.lines.count ?? 0) > 400, "\(path) is no exception any more")
    }
  }

  @Test("functions are 70 lines at most")
  func functionLength() {
    for file in TidyTests.all {
      for function in Declaration.all(in: file) where function.kind == .function {
        #expect(function.length <= 70, "\(file.path):\(function.line): \(function.length) lines")
      }
    }
  }

  @Test("no file has the name of a drawer")
  func names() {
    let banned = ["Base", "Common", "Extras", "Helper", "Impl", "Manager", "Misc", "Util"]
    for file in TidyTests.all {
      for part in banned {
        let isBanned = file.name.hasPrefix(part) || file.name.hasSuffix(part)
        #expect(!isBanned && !file.name.hasSuffix(part + "s"), "\(file.path)")
      }
    }
  }

  @Test("nothing imports Foundation")
  func foundation() {
    for file in TidyTests.all {
      for (module, line) in file.imports {
        #expect(!module.hasPrefix("Foundation"), "\(file.path):\(line)")
      }
    }
  }

  @Test("pure modules import values only", arguments: Exceptions.pureModules.keys.sorted())
  func pure(module: String) {
    let allowed = Exceptions.pureModules[module] ?? []
    let files = TidyTests.sources.filter { $0.module == module }
    #expect(!files.isEmpty)
    for file in files {
      for (imported, line) in file.imports {
        #expect(allowed.contains(imported), "\(file.path):\(line): \(imported)")
      }
    }
  }

  @Test("only adapters import the event loop, and only their own module a C library")
  func adapters() {
    for file in TidyTests.sources {
      for (imported, line) in file.imports {
        if imported.hasPrefix("NIO") {
          #expect(Exceptions.eventLoop.contains(file.module), "\(file.path):\(line)")
        }
        if let owner = Exceptions.libraryOwners[imported] {
          #expect(file.module == owner, "\(file.path):\(line): \(imported)")
        }
      }
    }
  }

  @Test("unsafe constructs stand only where C is wrapped")
  func unsafeConstructs() {
    for file in TidyTests.sources where !file.lines(with: "unsafe").isEmpty {
      let isListed = Exceptions.wrappers.contains { file.path.hasPrefix("Sources/\($0)") }
      #expect(isListed, "\(file.path):\(file.lines(with: "unsafe")[0])")
    }
    for wrapper in Exceptions.wrappers {
      let isUsed = TidyTests.sources.contains {
        $0.path.hasPrefix("Sources/\(wrapper)") && !$0.lines(with: "unsafe").isEmpty
      }
      #expect(isUsed, "\(wrapper) is no wrapper any more")
    }
  }

  @Test("nothing is forced, left for later, or public")
  func words() {
    for file in TidyTests.sources {
      for line in file.code.indices where file.code[line].contains("try!") {
        Issue.record("\(file.path):\(line + 1): try!")
      }
      for word in ["fatalError", "public"] {
        #expect(file.lines(with: word).isEmpty, "\(file.path): \(word)")
      }
      for (index, text) in file.lines.enumerated() {
        let isLeft = ["TODO", "FIXME", "XXX"].contains { text.words.contains($0) }
        #expect(!isLeft, "\(file.path):\(index + 1)")
      }
    }
  }

  @Test("every type and every member for other modules has its contract in words")
  func documentation() {
    var missing: [String: [String]] = [:]
    for file in TidyTests.sources {
      for declaration in Declaration.all(in: file)
      where declaration.needsDocumentation && !declaration.isDocumented {
        missing[file.module, default: []].append(
          "\(file.path):\(declaration.line): \(declaration.name)"
        )
      }
    }
    for module in Set(missing.keys).union(Exceptions.undocumented.keys).sorted() {
      let found = missing[module] ?? []
      let listed = Exceptions.undocumented[module] ?? 0
      #expect(found.count <= listed, "\(module): \(found.joined(separator: "\n"))")
      #expect(found.count + 10 > listed, "\(module): \(found.count) are left; lower the number")
    }
  }
}
