//! The cache is the one of Python's `huggingface_hub`, both ways.
//!
//! `OLIVE_HUB_PYTHON` names a Python that has it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::server::{COMMIT, Hub};
use super::{building, run};
use crate::playground::Playground;
use crate::real;

/// What a script of Python prints with the cache of `playground`, and without network.
fn python(playground: &Playground, script: &str) -> Option<String> {
    let Some(python) = std::env::var_os("OLIVE_HUB_PYTHON") else {
        println!("skipped: OLIVE_HUB_PYTHON names no Python with huggingface_hub");
        return None;
    };
    let mut command = Command::new(python);
    command.args(["-c", script]).env("HF_HOME", playground.path("hf")).env("HF_HUB_OFFLINE", "1");
    let output = command.env_remove("HF_HUB_CACHE").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

#[test]
fn python_reads_what_is_fetched_here() {
    let hub = Hub::new();
    hub.publish_model("acme/phi", "main");
    let playground = real::installed();
    real::write(&playground, building(&json!("acme/phi")));
    run(&playground, &hub, &[]).check(0, &[]);
    let script = "from huggingface_hub import snapshot_download, scan_cache_dir\n\
                  print(snapshot_download('acme/phi'))\n\
                  print([repo.repo_id for repo in scan_cache_dir().repos], scan_cache_dir().warnings)";
    let Some(said) = python(&playground, script) else { return };
    let (folder, scanned) = said.split_once('\n').unwrap();
    assert!(folder.ends_with(COMMIT), "{folder}");
    assert_eq!(scanned, "['acme/phi'] []");
    let weights = |folder: &Path| fs::read(folder.join("model.safetensors")).unwrap();
    assert!(weights(Path::new(folder)) == weights(&real::fixture("tiny-phi3")));
}

#[test]
fn what_python_has_fetched_is_read_here() {
    let playground = real::installed();
    // What is written by its own functions for files of the cache, as its downloads do.
    let script = format!(
        "import os, shutil\n\
         from pathlib import Path\n\
         from huggingface_hub import constants\n\
         from huggingface_hub.file_download import repo_folder_name, _create_symlink, \
         _cache_commit_hash_for_specific_revision as remember\n\
         root = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id='acme/phi', repo_type='model')\n\
         snapshot = root / 'snapshots' / '{COMMIT}'\n\
         os.makedirs(root / 'blobs'); os.makedirs(snapshot)\n\
         for number, file in enumerate(sorted(Path(r'{}').iterdir())):\n\
         \x20   if file.is_file():\n\
         \x20       blob = root / 'blobs' / f'{{number:040x}}'\n\
         \x20       shutil.copy(file, blob)\n\
         \x20       _create_symlink(str(blob), str(snapshot / file.name), new_blob=True)\n\
         remember(str(root), 'main', '{COMMIT}')\n",
        real::fixture("tiny-phi3").display()
    );
    if python(&playground, &script).is_none() {
        return;
    }
    real::write(&playground, building(&json!("acme/phi")));
    playground.run().check(0, &["builder (ModelBuilder)", COMMIT]);
}
