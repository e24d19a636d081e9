#![allow(missing_docs, clippy::all, clippy::print_stdout)]
use olive_sandbox::{Context, Failure, Limits, Sandbox, compile};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let wasm = std::fs::read(&args[1]).unwrap();
    let code = compile(&wasm, &Limits::default()).unwrap();
    for path in &args[2..] {
        let doc = std::fs::read_to_string(path).unwrap();
        let (mut lo, mut hi) = (1u64 << 12, 400_000_000u64);
        while hi - lo > hi / 100 {
            let mid = (lo + hi) / 2;
            let limits = Limits { fuel: mid, ..Limits::default() };
            match Sandbox::new(limits).unwrap().load(&code).unwrap().validate(&doc, &Context::default()) {
                Err(Failure::Fuel { .. }) => lo = mid,
                Ok(_) => hi = mid,
                Err(e) => { println!("{path}: {e}"); break }
            }
        }
        println!("{path}: {} bytes, fuel {:.2} M, {:.0} per byte", doc.len(), hi as f64 / 1e6, hi as f64 / doc.len() as f64);
    }
}
