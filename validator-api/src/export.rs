//! The macros that make a library a component.

/// Makes the library a component with this validator, and with what else is named.
///
/// ```
/// # use olive_validator_api::*;
/// # #[derive(Default, serde::Deserialize, schemars::JsonSchema)]
/// # struct NoConfig {}
/// # struct MyRules;
/// # impl Validator for MyRules {
/// #     type Config = NoConfig;
/// #     const ID: &'static str = "my-rules";
/// #     const SUMMARY: &'static str = "Has none yet.";
/// #     fn rules() -> Vec<Rule> { Vec::new() }
/// #     fn validate(_: &Document, _: &NoConfig, _: &Context) -> Vec<Diagnostic> { Vec::new() }
/// # }
/// # impl Planner for MyRules {
/// #     fn estimate(document: &Document, _: &Context) -> Vec<Option<Cost>> {
/// #         document.steps.iter().map(|_| None).collect()
/// #     }
/// # }
/// # struct Tidy;
/// # impl GraphPass for Tidy {
/// #     type Config = NoConfig;
/// #     const NAME: &'static str = "Tidy";
/// #     const SUMMARY: &'static str = "Take out what nothing uses.";
/// #     fn edit(_: &graph::GraphView, _: &NoConfig, _: &Context)
/// #         -> Result<Vec<graph::GraphEdit>, Refusal> {
/// #         Ok(vec![graph::GraphEdit::RemoveUnused])
/// #     }
/// # }
/// export_validator! { MyRules, planner: MyRules, graph_passes: [Tidy] }
/// # fn main() {}
/// ```
///
/// `migrator`, `completer`, `planner` and `graph_passes: [MyPass]` may each be left out, but not
/// reordered. Built for any other target than WebAssembly, the library is an ordinary one, for
/// `cargo test`.
#[macro_export]
macro_rules! export_validator {
    (
        $validator:ty
        $(, migrator: $migrator:ty)?
        $(, completer: $completer:ty)?
        $(, planner: $planner:ty)?
        $(, graph_passes: [$($pass:ty),+ $(,)?])?
        $(,)?
    ) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            impl $crate::guest::Exported for $validator {
                const ID: &'static str = <$validator as $crate::Validator>::ID;
                const SUMMARY: &'static str = <$validator as $crate::Validator>::SUMMARY;
                const VERSION: &'static str = env!("CARGO_PKG_VERSION");
                const ACCEPTS: &'static [$crate::call::DocumentKind] = &[
                    $crate::call::DocumentKind::Workflow,
                    $($crate::__accepted!($($pass),+),)?
                ];
                const PROVIDES: &'static [&'static str] = &[
                    $($crate::__provided!(migrator $migrator),)?
                    $($crate::__provided!(completer $completer),)?
                    $($crate::__provided!(planner $planner),)?
                    $($crate::__provided!([$($pass),+]),)?
                ];
                fn extra() -> String {
                    $crate::call::extra::<$validator>()
                }
            }
            type Exports = $crate::guest::Component<$validator>;
            $crate::guest::export_plugin!(Exports with_types_in $crate::guest::plugin);
            $crate::guest::export_validator!(Exports with_types_in $crate::guest::validator);
            $(
                type Migrating = $crate::guest::Component<$migrator>;
                $crate::guest::export_migrator!(Migrating with_types_in $crate::guest::migrator);
            )?
            $(
                type Completing = $crate::guest::Component<$completer>;
                $crate::guest::export_completer!(Completing with_types_in $crate::guest::completer);
            )?
            $(
                type Planning = $crate::guest::Component<$planner>;
                $crate::guest::export_planner!(Planning with_types_in $crate::guest::planner);
            )?
            $($crate::__export_passes!($validator: $($pass),+);)?
        };

        #[cfg(not(target_family = "wasm"))]
        const _: () = {
            const fn validates<T: $crate::Validator>() {}
            validates::<$validator>();
            $(
                const fn migrates<T: $crate::Migrator>() {}
                migrates::<$migrator>();
            )?
            $(
                const fn completes<T: $crate::Completer>() {}
                completes::<$completer>();
            )?
            $(
                const fn plans<T: $crate::Planner>() {}
                plans::<$planner>();
            )?
            $($crate::__check_passes!($($pass),+);)?
        };
    };
}

/// Makes the library a component with these graph passes and no validator.
///
/// The component is called as the package is, and the package's `description` says what it does.
///
/// ```
/// # use olive_validator_api::graph::{GraphEdit, GraphView};
/// # use olive_validator_api::*;
/// # #[derive(serde::Deserialize, schemars::JsonSchema)]
/// # struct NoConfig {}
/// # struct Tidy;
/// # impl GraphPass for Tidy {
/// #     type Config = NoConfig;
/// #     const NAME: &'static str = "Tidy";
/// #     const SUMMARY: &'static str = "Take out what nothing uses.";
/// #     fn edit(_: &GraphView, _: &NoConfig, _: &Context) -> Result<Vec<GraphEdit>, Refusal> {
/// #         Ok(vec![GraphEdit::RemoveUnused])
/// #     }
/// # }
/// export_graph_passes! { Tidy }
/// # fn main() {}
/// ```
///
/// Several are separated by commas. Built for any other target than WebAssembly, the library is an
/// ordinary one, for `cargo test`.
#[macro_export]
macro_rules! export_graph_passes {
    ($($pass:ty),+ $(,)?) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Passes;
            impl $crate::guest::Exported for Passes {
                const ID: &'static str = env!("CARGO_PKG_NAME");
                const SUMMARY: &'static str = env!("CARGO_PKG_DESCRIPTION");
                const VERSION: &'static str = env!("CARGO_PKG_VERSION");
                const ACCEPTS: &'static [$crate::call::DocumentKind] =
                    &[$crate::__accepted!($($pass),+)];
                const PROVIDES: &'static [&'static str] = &[$crate::__provided!([$($pass),+])];
                fn extra() -> String {
                    "{}".into()
                }
            }
            type Exports = $crate::guest::Component<Passes>;
            $crate::guest::export_plugin!(Exports with_types_in $crate::guest::plugin);
            $crate::__export_passes!(Passes: $($pass),+);
        };

        #[cfg(not(target_family = "wasm"))]
        const _: () = {
            assert!(!env!("CARGO_PKG_DESCRIPTION").is_empty(), "the package has no `description`");
            $crate::__check_passes!($($pass),+);
        };
    };
}

/// The name of an optional interface that types were given for.
#[doc(hidden)]
#[macro_export]
macro_rules! __provided {
    ($interface:ident $given:ty) => {
        stringify!($interface)
    };
    ([$($pass:ty),+]) => {
        "graph-pass"
    };
}

/// The kind of document that graph passes are asked about.
#[doc(hidden)]
#[macro_export]
macro_rules! __accepted {
    ($($pass:ty),+) => {
        $crate::call::DocumentKind::Graph
    };
}

/// Exports graph passes beside what `$exported` exports.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_passes {
    ($exported:ty: $($pass:ty),+) => {
        impl $crate::guest::Passing for $exported {
            const PASSES: &'static [$crate::call::Entry] = &[$($crate::call::Entry::of::<$pass>()),+];
        }
        type Passing = $crate::guest::Component<$exported>;
        $crate::guest::export_graph_pass!(Passing with_types_in $crate::guest::graph_pass);
    };
}

/// Refuses, natively, types that are no graph passes.
#[doc(hidden)]
#[macro_export]
macro_rules! __check_passes {
    ($($pass:ty),+) => {
        const fn passes<T: $crate::GraphPass>() {}
        $(passes::<$pass>();)+
    };
}
