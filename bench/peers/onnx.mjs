// Writes small ONNX models: the protobuf messages of onnx.proto3 (ModelProto, GraphProto, NodeProto, ValueInfoProto, TensorProto), field by field.

const varint = (n) => {
  const bytes = [];
  for (; n > 127; n = Math.floor(n / 128)) bytes.push((n % 128) | 128);
  return [...bytes, n];
};
const whole = (field, n) => [...varint(field * 8), ...varint(n)];
const bytes = (field, data) => [...varint(field * 8 + 2), ...varint(data.length), ...data];
const text = (field, string) => bytes(field, new TextEncoder().encode(string));

const float = 1; // TensorProto.DataType.FLOAT
const attributeKinds = { int: 2, ints: 7 };

const attribute = ([name, value]) => {
  const list = Array.isArray(value),
    body = list ? value.flatMap((n) => whole(8, n)) : whole(3, value);
  return [...text(1, name), ...body, ...whole(20, list ? attributeKinds.ints : attributeKinds.int)];
};
const node = ({ op, inputs, outputs, attributes = {} }) => [
  ...inputs.flatMap((name) => text(1, name)),
  ...outputs.flatMap((name) => text(2, name)),
  ...text(4, op),
  ...Object.entries(attributes).flatMap((entry) => bytes(5, attribute(entry))),
];
const valueInfo = ([name, shape]) => {
  const dims = shape.flatMap((n) => bytes(1, whole(1, n)));
  return [...text(1, name), ...bytes(2, bytes(1, [...whole(1, float), ...bytes(2, dims)]))];
};
const constant = ([name, value]) => [...whole(2, float), ...text(8, name), ...bytes(9, new Uint8Array(Float32Array.of(value).buffer))];

/** nodes: [{ op, inputs, outputs, attributes: whole numbers or lists of them }]; inputs and outputs { name: shape } of f32; constants { name: number }. */
export function onnxModel({ nodes, inputs, outputs, constants = {} }) {
  const graph = [
    ...nodes.flatMap((each) => bytes(1, node(each))),
    ...text(2, "graph"),
    ...Object.entries(constants).flatMap((entry) => bytes(5, constant(entry))),
    ...Object.entries(inputs).flatMap((entry) => bytes(11, valueInfo(entry))),
    ...Object.entries(outputs).flatMap((entry) => bytes(12, valueInfo(entry))),
  ];
  const [irVersion, opset] = [8, 17];
  return Uint8Array.from([...whole(1, irVersion), ...bytes(7, graph), ...bytes(8, whole(2, opset))]);
}
