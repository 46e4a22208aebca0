import HTTP
import Testing

@Suite struct FieldsTests {
    @Test func namesCompareWithoutCase() {
        let fields: Fields = ["Content-Type": "text/plain", "X-A": "1", "x-a": "2"]
        #expect(fields["content-type"] == "text/plain")
        #expect(fields.all("X-a") == ["1", "2"])
        #expect(fields["Content_Type"] == nil)
    }

    @Test func settingReplacesEveryFieldOfTheName() {
        var fields: Fields = ["A": "1", "B": "2", "a": "3"]
        fields["A"] = "4"
        #expect(fields.all.map(\.value) == ["4", "2"])
        fields["b"] = nil
        #expect(fields.all.map(\.name) == ["A"])
    }
}
