import Foundation
import Testing

@testable import octavo

@Suite struct SettingsTests {
    private static let file = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Config/octavo.yaml").path

    private func load(
        file: String? = nil, _ environment: [String: String] = [:], _ overrides: [(String, String)] = []
    ) throws -> Settings {
        try Settings.load(
            file: file, environment: environment, overrides: overrides.map { (key: $0.0, value: $0.1) })
    }

    private func shown(_ name: String, _ settings: Settings) -> String? {
        Settings.keys.first { $0.name == name }?.show(settings)
    }

    @Test func theFileListsEveryKeyWithItsDefault() throws {
        let text = try String(contentsOfFile: Self.file, encoding: .utf8)
        let listed = try Settings.parse(text)
        let defaults = Settings()
        #expect(listed.map(\.0).sorted() == Settings.keys.map(\.name).sorted())
        for key in Settings.keys { #expect(listed.first { $0.0 == key.name }?.1 == key.show(defaults), "\(key.name)") }
    }

    @Test func everyKeyInTheFileHasAComment() throws {
        let lines = try String(contentsOfFile: Self.file, encoding: .utf8).components(separatedBy: "\n")
        for (index, line) in lines.enumerated() where line.contains(": ") && !line.hasPrefix("#") {
            #expect(index > 0 && lines[index - 1].hasPrefix("#"), "\(line)")
        }
    }

    @Test func whatIsShownIsReadBackAsTheSame() throws {
        for key in Settings.keys {
            var settings = Settings()
            #expect(key.set(&settings, key.show(settings)), "\(key.name)")
            #expect(key.show(settings) == key.show(Settings()))
        }
        _ = try load(file: Self.file)
    }

    @Test func theCommandLineWinsOverTheEnvironmentAndThatOverTheFile() throws {
        #expect(shown("workers", try load(file: Self.file, ["OCTAVO_WORKERS": "3"])) == "3")
        #expect(shown("workers", try load(["OCTAVO_WORKERS": "3"], [("workers", "4")])) == "4")
    }

    @Test func anUnknownKeyNamesTheNearestKnownOne() {
        let cases: [() throws -> Settings] = [
            { try load(["OCTAVO_WORKRES": "1"]) }, { try load([:], [("workres", "1")]) },
        ]
        for attempt in cases {
            let error = #expect(throws: Settings.Mistake.self) { _ = try attempt() }
            #expect(error?.description.lowercased().contains("workers'") == true)
        }
    }

    @Test(arguments: [
        ("workers", "0"), ("workers", "many"), ("model_limit", "-1"), ("model_limit", "9999999999TiB"),
        ("lease", "soon"),
        ("listen", "8080"), ("listen", "host:99999"), ("log_level", "loud"), ("lanes", "0"),
    ])
    func aBadValueIsRefused(_ key: String, _ value: String) {
        #expect(throws: Settings.Mistake.self) { _ = try load([:], [(key, value)]) }
    }

    @Test func otherPartsOfTheProgramKeepTheirVariables() throws {
        _ = try load(["OCTAVO_ONNXRUNTIME": "/x", "OCTAVO_KERNELS": "avx2", "OCTAVO_FIXTURES": "/y", "HOME": "/z"])
    }

    @Test func sizesAndAddressesAreRead() throws {
        let settings = try load([:], [("model_limit", "3MiB"), ("listen", "[::1]:80"), ("job_time", "90s")])
        #expect(shown("model_limit", settings) == "3MiB")
        #expect(shown("model_limit", try load([:], [("model_limit", "3145728")])) == "3MiB")
        #expect(settings.listen == .init(host: "::1", port: 80))
        #expect(shown("job_time", settings) == "90s")
    }
}
