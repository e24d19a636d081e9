//! `olive plugin key`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use olive_packs::PackError;
use olive_packs::signature::{PublicKey, SecretKey};

use super::super::say;
use crate::cli::packs::{KeyCommand, KeyNewArgs, KeyShowArgs};
use crate::error::Error;
use crate::pack::{self, key_text};
use crate::store::files::write_atomically;

/// Ending of a public key's file name.
const PUBLIC: &str = "pub";

/// Makes and shows keys.
pub(super) fn run(command: &KeyCommand) -> Result<(), Error> {
    match command {
        KeyCommand::New(args) => new(args),
        KeyCommand::Show(args) => show(args),
    }
}

fn new(args: &KeyNewArgs) -> Result<(), Error> {
    let file = &args.file;
    let public_file = file.with_extension(PUBLIC);
    if public_file == *file {
        let message = format!("`{}` is a name for a public key", file.display());
        return Err(Error::Usage(format!("{message}; name the secret key, such as `olive.key`")));
    }
    for path in [file, &public_file] {
        if path.symlink_metadata().is_ok() {
            let message = format!("`{}` is there already: nothing was written", path.display());
            return Err(PackError::refused("pack-key", message)
                .with_help("a key that is lost cannot be made again; give the new one another name")
                .into());
        }
    }
    let password = if args.no_password { None } else { Some(new_password()?) };
    let key = SecretKey::generate()?;
    let text = key.to_text(password.as_deref())?;
    let public = key.public()?;
    write_secret(file, &text).map_err(PackError::io("write", file))?;
    let written = write_atomically(&public_file, public_text(&public).as_bytes());
    if let Err(error) = written {
        // Half a pair of keys is of no use.
        let _ = fs::remove_file(file);
        return Err(PackError::io("write", &public_file)(error).into());
    }
    let lock = if password.is_some() { "locked by its password" } else { "not locked" };
    say(&format!(
        "secret key  {}  {lock}; keep it to yourself, and a copy of it safe\n\
         public key  {}\n\
         {}\n\
         users trust it by: olive plugin trust add PUBLISHER {}\n",
        file.display(),
        public_file.display(),
        id_line(&public),
        public.to_base64(),
    ));
    Ok(())
}

/// A password that a person gives twice, or that the environment has.
fn new_password() -> Result<String, Error> {
    let password = pack::password("Password for the new key: ")?;
    if password.is_empty() {
        return Err(PackError::refused("pack-key", "the password is empty")
            .with_help("`--no-password` makes a key that is not locked")
            .into());
    }
    if pack::password("The same once more: ")? != password {
        return Err(PackError::refused("pack-key", "the two passwords are not the same").into());
    }
    Ok(password)
}

/// Writes a new file that nobody else may read.
fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    let mut file = create_secret(path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.inspect_err(|_| {
        let _ = fs::remove_file(path);
    })
}

#[cfg(unix)]
fn create_secret(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn create_secret(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

fn show(args: &KeyShowArgs) -> Result<(), Error> {
    let path = &args.file;
    let public = match PublicKey::parse(&key_text(path)?) {
        Ok(public) => public,
        Err(_) => pack::secret_key(path)?.public()?,
    };
    say(&format!("{}\nkey         {}\n", id_line(&public), public.to_base64()));
    Ok(())
}

fn id_line(public: &PublicKey) -> String {
    format!("id          {}", public.id())
}

/// The text of a public key's file, as minisign writes it.
fn public_text(public: &PublicKey) -> String {
    format!("untrusted comment: minisign public key {}\n{}\n", public.id(), public.to_base64())
}
