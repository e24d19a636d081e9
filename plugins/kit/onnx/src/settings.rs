//! Settings that all passes on ONNX models share: where weights go.

/// Defines the settings of a pass and adds those that say where weights go.
///
/// The crate that uses it needs `serde` and `schemars`.
#[macro_export]
macro_rules! settings_with_external_data {
    ($(#[$about:meta])* pub struct $name:ident { $($fields:tt)* }) => {
        #[derive(
            Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
        )]
        #[serde(deny_unknown_fields)]
        $(#[$about])*
        pub struct $name {
            $($fields)*
            /// Whether weights go into files beside the graph; those of models over 2 GB always do.
            #[serde(default)]
            pub save_as_external_data: bool,
            /// Whether all external data goes into one file, or each weight into one of its own.
            #[serde(default = "olive_kit_onnx::settings::yes")]
            pub all_tensors_to_one_file: bool,
            /// Name of that one file; the graph's with `.data` when left out.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(regex(pattern = r"^[^/\\]+$"))]
            pub external_data_name: Option<String>,
            /// Weights of fewer bytes stay in the graph.
            #[serde(default = "olive_kit_onnx::settings::threshold_bytes")]
            pub size_threshold: u64,
            /// Whether constants in attributes of nodes become external data too.
            #[serde(default)]
            pub convert_attribute: bool,
        }

        impl $name {
            fn policy(&self) -> olive_kit_onnx::DataPolicy {
                olive_kit_onnx::DataPolicy {
                    is_external: self.save_as_external_data,
                    one_file: self.all_tensors_to_one_file,
                    file_name: self.external_data_name.clone(),
                    threshold_bytes: self.size_threshold,
                    attributes: self.convert_attribute,
                }
            }
        }
    };
}

/// The default of switches that are on.
pub const fn yes() -> bool {
    true
}

/// The default of `size_threshold`.
pub const fn threshold_bytes() -> u64 {
    1024
}
