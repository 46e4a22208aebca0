/// Field numbers of the ONNX messages that are understood here. Every other field is carried along unread.
enum ONNXSchema {
    enum Model {
        static let irVersion = 1
        static let producerName = 2
        static let producerVersion = 3
        static let domain = 4
        static let modelVersion = 5
        static let graph = 7
        static let opsetImport = 8
        static let metadata = 14
        static let functions = 25
    }

    enum OpsetImport {
        static let domain = 1
        static let version = 2
    }

    enum Property {
        static let key = 1
        static let value = 2
    }

    enum Function {
        static let name = 1
        static let node = 7
        static let domain = 10
    }

    enum Graph {
        static let node = 1
        static let name = 2
        static let initializer = 5
        static let input = 11
        static let output = 12
        static let valueInfo = 13
        static let sparseInitializer = 15
    }

    enum Node {
        static let input = 1
        static let output = 2
        static let name = 3
        static let op = 4
        static let attribute = 5
        static let domain = 7
    }

    enum Attribute {
        static let name = 1
        static let float = 2
        static let int = 3
        static let string = 4
        static let tensor = 5
        static let graph = 6
        static let floats = 7
        static let ints = 8
        static let strings = 9
        static let tensors = 10
        static let graphs = 11
        static let type = 20
        static let reference = 21
        static let sparseTensor = 22
        static let sparseTensors = 23
    }

    /// `AttributeProto.AttributeType`, for the kinds that are read; the rest (11 to 14) is carried along.
    enum AttributeType: Int64 {
        case float = 1
        case int = 2
        case string = 3
        case tensor = 4
        case graph = 5
        case floats = 6
        case ints = 7
        case strings = 8
        case tensors = 9
        case graphs = 10

        /// The field that holds the value.
        var field: Int {
            switch self {
            case .float: Attribute.float
            case .int: Attribute.int
            case .string: Attribute.string
            case .tensor: Attribute.tensor
            case .graph: Attribute.graph
            case .floats: Attribute.floats
            case .ints: Attribute.ints
            case .strings: Attribute.strings
            case .tensors: Attribute.tensors
            case .graphs: Attribute.graphs
            }
        }

        /// Files of IR version 1 and 2 did not write the type; the field that is there tells.
        init?(field: Int) {
            guard (Attribute.float...Attribute.graphs).contains(field) else { return nil }
            self.init(rawValue: Int64(field - 1))
        }
    }

    enum Tensor {
        static let dims = 1
        static let dataType = 2
        static let segment = 3
        static let floatData = 4
        static let int32Data = 5
        static let stringData = 6
        static let int64Data = 7
        static let name = 8
        static let rawData = 9
        static let doubleData = 10
        static let uint64Data = 11
        static let externalData = 13
        static let dataLocation = 14
    }

    enum SparseTensor {
        static let values = 1
        static let indices = 2
        static let dims = 3
    }

    enum ValueInfo {
        static let name = 1
        static let type = 2
    }

    enum TypeProto {
        static let tensor = 1
        static let sequence = 4
        static let map = 5
        static let opaque = 7
        static let sparseTensor = 8
        static let optional = 9
    }

    enum TensorType {
        static let elementType = 1
        static let shape = 2
    }

    enum Shape {
        static let dimension = 1
    }

    enum Dimension {
        static let value = 1
        static let parameter = 2
    }
}
