//! Files and folders that belong to one user: how they are created, opened and checked.
//!
//! Unix has owners and modes. On other systems a folder is as private as its parent, and the checks
//! here accept everything.

use std::{
    fs::{DirBuilder, File, Metadata, OpenOptions},
    io,
    path::Path,
};

/// Creates a folder and its missing parents, and makes them durable.
pub(super) fn create(path: &Path) -> io::Result<()> {
    // Noted before they are created: each new folder must be synced in its parent.
    let missing: Vec<_> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    for folder in missing {
        sync_parent(folder)?;
    }
    // An earlier run may have created the folder and crashed before this sync.
    match sync_parent(path) {
        // A parent that the run may pass through but not read (mode 711) cannot be synced. Another
        // user has created it, so the run did not create the folder in it either.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        other => other,
    }
}

/// Makes the entry of a folder in its parent durable.
fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => sync_folder(Path::new(".")),
        Some(parent) => sync_folder(parent),
        None => Ok(()),
    }
}

/// Makes durable which files a folder has.
///
/// Does nothing on systems other than Unix, which cannot open a folder.
///
/// # Errors
///
/// Fails if the folder cannot be read, with the command that helps.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => io::Error::new(
            error.kind(),
            format!(
                "the folder `{0}` cannot be read, which is necessary to make a new folder in it durable; run `chmod u+r {0}`, or create the state folder yourself",
                path.display()
            ),
        ),
        _ => error,
    })?;
    folder.sync_all()
}

/// Returns options that open a file to read, or to read and write, and that never follow a link.
pub(super) fn options(writes: bool) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(writes);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        // NONBLOCK, because opening a named pipe would otherwise wait for its other end.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
        options.mode(0o600).custom_flags(flags.cast_signed());
    }
    options
}

/// Opens a file, with an error that names the cause if the file is a symbolic link.
pub(super) fn open(options: &OpenOptions, path: &Path) -> io::Result<File> {
    options.open(path).map_err(|error| match std::fs::symlink_metadata(path) {
        Ok(there) if there.is_symlink() => io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!(
                "`{}` is a symbolic link, and links in a state folder are not followed; remove it",
                path.display()
            ),
        ),
        _ => error,
    })
}

/// Refuses a folder that users without a part in the run may write to.
///
/// A group that the run is in is accepted: with a umask of 002 every folder is writable for the user's
/// own group, and the `fsGroup` of a Kubernetes pod makes a volume writable for its group each time the
/// volume is mounted.
#[cfg(unix)]
pub(super) fn check_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let (folder, user) = (std::fs::metadata(path)?, rustix::process::geteuid().as_raw());
    let (mode, group, shown) = (folder.mode() & 0o777, folder.gid(), path.display());
    let (why, remedy) = match () {
        // The owner can change the mode at any time, so the owner must be trusted.
        () if folder.uid() != user && folder.uid() != 0 => (
            format!("it belongs to user {}, but the run has user {user}", folder.uid()),
            format!("run `chown {user} {shown}`"),
        ),
        // Checked after the owner, because only the owner can run the `chmod` that the error names.
        () if mode & 0o002 != 0 => (
            format!("all other users may write to it (mode {mode:03o})"),
            format!(
                "run `chmod o-w {shown}`, or mount a share of fixed modes with the options `uid={user},dir_mode=0700,file_mode=0600`"
            ),
        ),
        () if mode & 0o020 != 0 && !is_own_group(group)? => (
            format!(
                "group {group} may write to it (mode {mode:03o}), and the run is not in that group"
            ),
            format!("run `chmod g-w {shown}`"),
        ),
        () => return Ok(()),
    };
    let what =
        format!("{why}; {remedy}, or name a new folder below it, which the run creates itself");
    Err(io::Error::new(io::ErrorKind::PermissionDenied, what))
}

/// Returns whether the run is in a group.
#[cfg(unix)]
fn is_own_group(group: u32) -> io::Result<bool> {
    let own = rustix::process::getegid().as_raw();
    Ok(group == own || rustix::process::getgroups()?.iter().any(|other| other.as_raw() == group))
}

#[cfg(not(unix))]
pub(super) fn check_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Refuses anything but a regular file, and makes files that are written to private.
///
/// A file to write to must not have a second name (a hard link), because the run would then change
/// a file outside its folder.
pub(super) fn check_file(file: &File, is_written: bool) -> io::Result<()> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("a file of the state is not a regular file; remove it"));
    }
    #[cfg(unix)]
    if is_written {
        check_owner(&metadata)?;
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
        if metadata.nlink() > 1 {
            let what = "a file of the state has a second name (a hard link), and a run does not write to such a file; remove one of the names";
            return Err(io::Error::other(what));
        }
        // Files of earlier versions, or of a copy, may be readable for others.
        if metadata.mode() & 0o077 != 0 {
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        }
    }
    #[cfg(not(unix))]
    let _ = is_written;
    Ok(())
}

/// Refuses a file that another user has put into the folder of a run.
///
/// So users who may write to the folder, such as members of its group, can remove a state but not
/// forge one.
#[cfg(unix)]
pub(super) fn check_owner(metadata: &Metadata) -> io::Result<()> {
    let user = rustix::process::geteuid().as_raw();
    check_owner_among(metadata, &[user, 0])
}

/// Refuses a file that belongs neither to the reader, nor to root, nor to the owner of the folder.
#[cfg(unix)]
pub(super) fn check_owner_to_read(metadata: &Metadata, folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let user = rustix::process::geteuid().as_raw();
    check_owner_among(metadata, &[user, 0, std::fs::metadata(folder)?.uid()])
}

/// Refuses a file that belongs to none of these users.
#[cfg(unix)]
fn check_owner_among(metadata: &Metadata, owners: &[u32]) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let (owner, user) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owners.contains(&owner) {
        return Ok(());
    }
    let what = format!(
        "a file of the state belongs to user {owner}, but the run has user {user}; run `chown -R {user}` on the folder if the state is yours, or use another folder"
    );
    Err(io::Error::new(io::ErrorKind::PermissionDenied, what))
}

#[cfg(not(unix))]
pub(super) fn check_owner(_: &Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn check_owner_to_read(_: &Metadata, _: &Path) -> io::Result<()> {
    Ok(())
}

/// Returns whether an open file is still the file at a path.
#[cfg(unix)]
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let of = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    let there = std::fs::symlink_metadata(path).map(of);
    file.metadata().map(of).is_ok_and(|own| there.is_ok_and(|there| there == own))
}

/// Returns `true`, because other systems do not let an open file be replaced.
#[cfg(not(unix))]
pub(super) fn is_at(_: &File, _: &Path) -> bool {
    true
}
