//! Types of input models.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::TypeEntry;
use crate::inference::InferenceSettings;

pub(super) fn entries() -> Vec<TypeEntry> {
    vec![
        TypeEntry::new::<HfModel>("HfModel", "A Hugging Face folder: weights, tokenizer, config"),
        TypeEntry::new::<OnnxModel>("ONNXModel", "An ONNX graph with its external data"),
        TypeEntry::new::<GgufModel>("GgufModel", "One GGUF file"),
        TypeEntry::new::<PyTorchModel>("PyTorchModel", "A PyTorch model that Python code loads"),
        TypeEntry::new::<CompositeModel>("CompositeModel", "Several models that belong together"),
        TypeEntry::new::<FolderModel>("OpenVINOModel", "An OpenVINO model folder"),
        TypeEntry::new::<FolderModel>("TensorFlowModel", "A TensorFlow model"),
        TypeEntry::new::<FolderModel>("QNNModel", "A Qualcomm QNN model library or context binary"),
        TypeEntry::new::<FolderModel>("QairtModel", "A Qualcomm AI Runtime model"),
        TypeEntry::new::<FolderModel>("QairtPreparedModel", "A prepared Qualcomm AI Runtime model"),
        TypeEntry::new::<DiffusersModel>("DiffusersModel", "A Diffusers pipeline folder"),
        TypeEntry::new::<FolderModel>("DistributedHfModel", "A Hugging Face model in ranks"),
        TypeEntry::new::<FolderModel>("DistributedOnnxModel", "An ONNX model in ranks"),
    ]
}

/// Settings of a Hugging Face model.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-olive-ignored" = {
    "io_config": {"reason": "the model's own config says it", "harmless": true},
    "test_model_path": "it is for tests of Olive itself",
    "test_model_config": "it is for tests of Olive itself"
}))]
struct HfModel {
    /// Folder of the model; relative paths start at the config file's folder.
    model_path: ResourcePath,
    /// Folder of a PEFT adapter that belongs on top of the model.
    #[serde(default)]
    adapter_path: Option<ResourcePath>,
    /// What the model is for: `text-generation` or `text-generation-with-past`, which are one here.
    #[serde(default = "text_generation")]
    task: String,
    /// Options of `from_pretrained`, of which those that say where the model comes from count.
    #[serde(default)]
    load_kwargs: Option<LoadKwargs>,
    /// Facts that a pass left for later ones.
    #[serde(default)]
    model_attributes: Option<BTreeMap<String, Value>>,
}

/// Options of `from_pretrained`: where the model comes from; others have no effect, as weights are
/// read by the passes themselves.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-olive-ignored" = {
    "trust_remote_code": {"reason": "code in model folders is never run", "harmless": true},
    "torch_dtype": {"reason": "passes choose what they compute in", "harmless": true},
    "dtype": {"reason": "passes choose what they compute in", "harmless": true},
    "attn_implementation": {"reason": "there is one attention, and it is exact", "harmless": true},
    "device_map": {"reason": "weights stay on disk until they are used", "harmless": true},
    "max_memory": {"reason": "weights stay on disk until they are used", "harmless": true},
    "quantization_method": "weights are read as they are stored",
    "quantization_config": "weights are read as they are stored",
    "extra_args": {"reason": "nothing here calls `from_pretrained`", "harmless": true}
}))]
struct LoadKwargs {
    /// Branch, tag or commit of a `model_path` that is an id of a hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revision: Option<String>,
    /// Environment variable with the token for the hub that `model_path` or `adapter_path` is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<Value>,
}

/// Settings of an ONNX model.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-olive-ignored" = {
    "use_ort_extensions": "extension operators are not loaded",
    "external_initializers_file_name": "external data is found through the graph",
    "constant_inputs_file_name": "constant inputs are not used"
}))]
struct OnnxModel {
    /// Folder of the model, or its graph file.
    model_path: ResourcePath,
    /// Graph file inside `model_path`; needed when the folder has several.
    #[serde(default)]
    onnx_file_name: Option<String>,
    /// How ONNX Runtime is to run the model.
    #[serde(default)]
    inference_settings: Option<InferenceSettings>,
    /// Facts that a pass left for later ones.
    #[serde(default)]
    model_attributes: Option<BTreeMap<String, Value>>,
}

/// Settings of a GGUF model.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GgufModel {
    /// The GGUF file.
    model_path: ResourcePath,
    /// Facts that a pass left for later ones.
    #[serde(default)]
    model_attributes: Option<BTreeMap<String, Value>>,
}

/// Settings of a model that Python code loads.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PyTorchModel {
    /// File or folder of the model, or a name that the loader understands.
    #[serde(default)]
    model_path: Option<ResourcePath>,
    /// Layout of the file.
    #[serde(default)]
    #[schemars(extend("enum" = [
        "PyTorch.StateDict", "PyTorch.TorchScript", "PyTorch.SliceGPT", "PyTorch.Diffusers",
        "PyTorch.EntireModel", "PyTorch.MLflow", null
    ]))]
    model_file_format: Option<String>,
    /// Function of `model_script` that loads the model.
    #[serde(default)]
    model_loader: Option<String>,
    /// Python file with the functions named here.
    #[serde(default)]
    model_script: Option<ResourcePath>,
    /// Folder of modules that `model_script` imports.
    #[serde(default)]
    script_dir: Option<ResourcePath>,
    /// Names, shapes and types of inputs and outputs, or a function that gives them.
    #[serde(default)]
    io_config: Option<IoConfig>,
    /// Function of `model_script` that makes sample inputs.
    #[serde(default)]
    dummy_inputs_func: Option<String>,
    /// Folder of a PEFT adapter that belongs on top of the model.
    #[serde(default)]
    adapter_path: Option<ResourcePath>,
    /// Folder for models taken out of `MLflow` folders.
    #[serde(default)]
    mlflow_transformer_model_cache_dir: Option<String>,
    /// Facts that a pass left for later ones.
    #[serde(default)]
    model_attributes: Option<BTreeMap<String, Value>>,
}

/// Settings of a model of several parts.
#[expect(clippy::struct_field_names, reason = "the keys are Olive's")]
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CompositeModel {
    /// The parts, each an input model.
    #[serde(default)]
    model_components: Option<Vec<Value>>,
    /// Names of the parts, in the same order.
    #[serde(default)]
    model_component_names: Option<Vec<String>>,
    /// Folder with one folder a part.
    #[serde(default)]
    model_path: Option<ResourcePath>,
    /// Facts that a pass left for later ones.
    #[serde(default)]
    model_attributes: Option<BTreeMap<String, Value>>,
}

/// Settings of a Diffusers pipeline.
#[derive(Serialize, Deserialize, JsonSchema)]
struct DiffusersModel {
    /// Folder of the pipeline, or its hub name.
    model_path: ResourcePath,
    /// Folder of an adapter.
    #[serde(default)]
    adapter_path: Option<ResourcePath>,
}

/// Settings of a model that is one file or folder.
#[derive(Serialize, Deserialize, JsonSchema)]
struct FolderModel {
    /// File or folder of the model.
    model_path: ResourcePath,
    /// Facts that a pass left for later ones.
    #[serde(default)]
    model_attributes: Option<BTreeMap<String, Value>>,
}

/// Names, shapes and types of inputs and outputs, or the name of a function that gives them.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum IoConfig {
    /// A function of the model's script.
    Function(String),
    /// The description itself.
    Description(Box<IoDescription>),
}

/// Names, shapes and types of inputs and outputs.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct IoDescription {
    /// Names of the inputs.
    input_names: Option<Vec<String>>,
    /// Shapes of the inputs, in the order of their names.
    input_shapes: Option<Vec<Value>>,
    /// Types of the inputs, in the order of their names.
    input_types: Option<Vec<Option<String>>>,
    /// Names of the outputs.
    output_names: Option<Vec<String>>,
    /// Shapes of the outputs, in the order of their names.
    output_shapes: Option<Vec<Value>>,
    /// Types of the outputs, in the order of their names.
    output_types: Option<Vec<Option<String>>>,
    /// Axes of inputs and outputs whose length varies.
    dynamic_axes: Option<Map<String, Value>>,
    /// Dimensions that vary, for `torch.export`.
    dynamic_shapes: Option<Value>,
    /// Lengths of named dimensions.
    string_to_int_dim_params: Option<Value>,
    /// Whether, or how, the KV cache is an input and an output.
    kv_cache: Option<Value>,
}

/// Where a file or folder is.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum ResourcePath {
    /// A path, or a name such as a Hugging Face id.
    Path(String),
    /// A reference that a source plugin resolves.
    Reference(Resource),
}

/// A reference to files elsewhere.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Resource {
    /// Kind of reference.
    #[serde(rename = "type")]
    #[schemars(extend("examples" = RESOURCES))]
    kind: String,
}

/// Kinds of references that Olive has had.
pub(super) const RESOURCES: [&str; 7] = [
    "file",
    "folder",
    "string_name",
    "azureml_model",
    "azureml_registry_model",
    "azureml_datastore",
    "azureml_job_output",
];

fn text_generation() -> String {
    "text-generation-with-past".into()
}
