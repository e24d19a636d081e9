//! An execution provider for tests: OpenVINO's, told that the processor is Intel's.
//!
//! OpenVINO computes on processors of other makers too, but its execution provider offers them no
//! device. This library lies beside that one, hands everything on to it, and answers one question
//! of it instead of ONNX Runtime: whose the hardware is. So the tests use OpenVINO on any processor
//! of its kind. Nothing that is shipped does so.

#![expect(unsafe_code, reason = "the interface of execution providers is one of pointers")]

use std::ffi::{CString, c_char, c_void};
use std::ptr;
use std::sync::OnceLock;

use libloading::{Error, Library};
use ort::sys::{OrtApi, OrtApiBase, OrtHardwareDevice};

/// Intel, on the PCI bus.
const INTEL: u32 = 0x8086;

const REAL: &str = "libonnxruntime_providers_openvino_plugin.so";

type Create = unsafe extern "C" fn(
    *const c_char,
    *const OrtApiBase,
    *const c_void,
    *mut *mut c_void,
    usize,
    *mut usize,
) -> *mut c_void;
type Release = unsafe extern "C" fn(*mut c_void) -> *mut c_void;

/// What ONNX Runtime offers.
static RUNTIME: OnceLock<&'static OrtApiBase> = OnceLock::new();

/// What OpenVINO's provider is offered.
static OFFERED: OrtApiBase = OrtApiBase { GetApi: api, GetVersionString: version };

/// The library of OpenVINO's provider, in the folder of this one.
fn real() -> Result<&'static Library, &'static Error> {
    static LIBRARY: OnceLock<Result<Library, Error>> = OnceLock::new();
    // SAFETY: it is made to be loaded into any program.
    LIBRARY.get_or_init(|| unsafe { Library::new(REAL) }).as_ref()
}

extern "system" fn vendor(_: *const OrtHardwareDevice) -> u32 {
    INTEL
}

/// A copy of ONNX Runtime's functions with [`vendor`] among them.
extern "system" fn api(wanted: u32) -> *const OrtApi {
    let Some(runtime) = RUNTIME.get() else { return ptr::null() };
    // SAFETY: any number may be asked for; an unknown one gives nothing.
    let real = unsafe { (runtime.GetApi)(wanted) };
    // What is asked for must not have more functions than are copied here.
    if real.is_null() || wanted > ort::MINOR_VERSION {
        return ptr::null();
    }
    // SAFETY: the runtime has at least the functions of the version that `OrtApi` describes, and
    // they are never freed; a copy of pointers to functions is as good as the original.
    let mut copy = Box::new(unsafe { ptr::read(real) });
    copy.HardwareDevice_VendorId = vendor;
    Box::leak(copy)
}

/// The version that has no more functions than are copied in [`api`].
extern "system" fn version() -> *const c_char {
    static VERSION: OnceLock<CString> = OnceLock::new();
    let text = || CString::new(format!("1.{}.0", ort::MINOR_VERSION)).unwrap_or_default();
    VERSION.get_or_init(text).as_ptr()
}

/// Makes the provider's factories, as ONNX Runtime's interface of execution providers has it.
///
/// # Safety
/// As there: `runtime` lives as long as the process, and `factories` has room for `room` pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn CreateEpFactories(
    name: *const c_char,
    runtime: *const OrtApiBase,
    logger: *const c_void,
    factories: *mut *mut c_void,
    room: usize,
    count: *mut usize,
) -> *mut c_void {
    // SAFETY: the caller's promise.
    RUNTIME.get_or_init(|| unsafe { &*runtime });
    let Ok(library) = real() else { std::process::abort() };
    // SAFETY: the function has this type in every library of such providers.
    let Ok(create) = (unsafe { library.get::<Create>(b"CreateEpFactories") }) else {
        std::process::abort()
    };
    // SAFETY: what was promised here is passed on; `OFFERED` lives as long as the process.
    unsafe { create(name, &raw const OFFERED, logger, factories, room, count) }
}

/// Frees a factory, as ONNX Runtime's interface of execution providers has it.
///
/// # Safety
/// As there: the factory is of [`CreateEpFactories`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ReleaseEpFactory(factory: *mut c_void) -> *mut c_void {
    let Ok(library) = real() else { return ptr::null_mut() };
    // SAFETY: as in `CreateEpFactories`.
    let Ok(release) = (unsafe { library.get::<Release>(b"ReleaseEpFactory") }) else {
        return ptr::null_mut();
    };
    // SAFETY: the caller's promise.
    unsafe { release(factory) }
}
