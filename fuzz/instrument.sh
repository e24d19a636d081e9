#!/bin/sh
# Compiles one crate of ours for `cargo xtask fuzz`: with counters that tell libFuzzer where an
# input has been. Programs that run while building have no libFuzzer to count for.
case " $* " in
*" build_script_build "*) exec "$@" ;;
*" --crate-name "*)
    exec "$@" -Cpasses=sancov-module \
        -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
        -Cllvm-args=-sanitizer-coverage-pc-table \
        -Cllvm-args=-sanitizer-coverage-trace-compares
    ;;
*) exec "$@" ;;
esac
