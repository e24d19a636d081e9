//! The macro that makes a library a component.

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
/// export_validator! { MyRules, planner: MyRules }
/// # fn main() {}
/// ```
///
/// `migrator`, `completer` and `planner` may each be left out, but not reordered. Built for any
/// other target than WebAssembly, the library is an ordinary one, for `cargo test`.
#[macro_export]
macro_rules! export_validator {
    (
        $validator:ty
        $(, migrator: $migrator:ty)?
        $(, completer: $completer:ty)?
        $(, planner: $planner:ty)?
        $(,)?
    ) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            impl $crate::guest::Exported for $validator {
                const VERSION: &'static str = env!("CARGO_PKG_VERSION");
                const PROVIDES: &'static [&'static str] = &[
                    $($crate::__provided!(migrator $migrator),)?
                    $($crate::__provided!(completer $completer),)?
                    $($crate::__provided!(planner $planner),)?
                ];
            }
            type Exports = $crate::guest::Component<$validator>;
            $crate::guest::export_plugin!(Exports with_types_in $crate::guest::bindings);
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
        };
    };
}

/// The name of an optional interface that a type was given for.
#[doc(hidden)]
#[macro_export]
macro_rules! __provided {
    ($interface:ident $given:ty) => {
        stringify!($interface)
    };
}
