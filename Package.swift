// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target is compiled the same way: Swift 6 mode, no warning tolerated, imports spelled out.
let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "octavo",
    products: [.executable(name: "octavo", targets: ["octavo"])],
    dependencies: [
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // The executable: the only place where both towers are known.
        .executableTarget(
            name: "octavo",
            dependencies: [
                "Service", "Optimizer", "Inference", "Storage", "HTTP", "Domain", "CLinux", "Yams",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),

        // The serving tower: never sees a tensor.
        .target(
            name: "Service",
            dependencies: [
                "Domain", "Pages", "HTTP", "Storage", "CLinux", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .target(name: "HTTP", dependencies: ["CLinux"], swiftSettings: strict),
        .target(
            name: "Storage",
            dependencies: ["Domain", "CZlib", "COpenSSL", "CLinux", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict),

        // The optimizing tower: never sees a socket or a database.
        .target(
            name: "Optimizer",
            dependencies: [
                "Domain", "Pages", "ModelGraph", "Quantization", "Inference", "CZlib", "CLinux", "CKernels",
                "CPictures",
                "Yams",
            ],
            swiftSettings: strict),
        .target(name: "Quantization", dependencies: ["ModelGraph", "CKernels"], swiftSettings: strict),
        .target(name: "Inference", dependencies: ["ModelGraph", "CEngines"], swiftSettings: strict),
        .target(name: "ModelGraph", swiftSettings: strict),

        // The common floor.
        .target(name: "Domain", swiftSettings: strict),
        .target(name: "Pages", swiftSettings: strict),
        .target(name: "CLinux"),
        .target(name: "CKernels", linkerSettings: [.linkedLibrary("m")]),
        .target(name: "CEngines"),
        .target(name: "CPictures", linkerSettings: [.linkedLibrary("jpeg"), .linkedLibrary("png")]),
        .target(name: "CZlib", linkerSettings: [.linkedLibrary("z")]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),

        // Tests.
        .testTarget(name: "HTTPTests", dependencies: ["HTTP", "CLinux"], swiftSettings: strict),
        .testTarget(
            name: "StorageTests",
            dependencies: ["Storage", "Domain", "CZlib", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict),
        .testTarget(name: "DomainTests", dependencies: ["Domain"], swiftSettings: strict),
        .testTarget(
            name: "ServiceTests",
            dependencies: [
                "Service", "Storage", "HTTP", "Domain", "TestSupport", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .testTarget(name: "ModelGraphTests", dependencies: ["ModelGraph"], swiftSettings: strict),
        .testTarget(name: "InferenceTests", dependencies: ["Inference", "ModelGraph"], swiftSettings: strict),
        .target(
            name: "TestGraphs", dependencies: ["ModelGraph"], path: "Tests/TestGraphs", swiftSettings: strict),
        .testTarget(
            name: "QuantizationTests", dependencies: ["Quantization", "ModelGraph", "CKernels", "TestGraphs"],
            swiftSettings: strict),
        .testTarget(
            name: "OptimizerTests",
            dependencies: [
                "Optimizer", "Quantization", "Inference", "ModelGraph", "Domain", "Pages", "TestGraphs", "CKernels",
                "CZlib",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "EndToEndTests", dependencies: ["Domain", "ModelGraph", "octavo", "TestGraphs", "TestSupport"],
            swiftSettings: strict),
        // A worker made of shell script, directories that go away, curl, the API's contract.
        .target(name: "TestSupport", dependencies: ["Yams"], path: "Tests/Support", swiftSettings: strict),
    ],
    cLanguageStandard: .gnu17
)
