//! Sample media for the small cloud: valid, broken and misnamed files.

use std::{error::Error, fs, path::Path};

use azure_asset_sync::testing::Seed;
use image::{ImageFormat, Rgb, RgbImage};
use tempfile::TempDir;

/// Creates a folder of sample media, which is removed when the result is dropped.
pub fn make() -> Result<TempDir, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let formats =
        [("jpg", ImageFormat::Jpeg), ("png", ImageFormat::Png), ("webp", ImageFormat::WebP)];
    for camera in ["hall-1", "hall-2"] {
        let shots = folder.path().join(camera);
        fs::create_dir_all(&shots)?;
        for n in 0..20_u32 {
            let (extension, format) = formats[n as usize % formats.len()];
            picture(n)
                .save_with_format(shots.join(format!("{camera}-{n:04}.{extension}")), format)?;
        }
        write(&shots, &format!("{camera} walk-through.mp4"), &video())?;
    }
    // Broken and misnamed files, which the rules reject.
    write(folder.path(), "hall-1/empty.jpg", b"")?;
    write(folder.path(), "hall-1/no-extension", b"\xff\xd8\xff\xe0")?;
    write(folder.path(), "hall-2/notes.txt", b"lens cleaned on Tuesday\n")?;
    write(folder.path(), "hall-2/annotations.json", b"{}")?;
    // The same name in two folders, and a name that needs escapes in a URL.
    write(folder.path(), "hall-1/cover.png", &png())?;
    write(folder.path(), "hall-2/cover.png", &png())?;
    write(folder.path(), "hall-2/caf\u{e9} 100% #1.png", &png())?;
    Ok(folder)
}

/// Returns blobs with properties that a file cannot have.
pub fn unusual_blobs() -> Vec<Seed> {
    vec![
        Seed::new("hall-1/really-a-png.jpg", png()).content_type("image/png"),
        Seed::new("hall-1/of-unknown-type.jpg", png()).content_type("application/octet-stream"),
        Seed::new("hall-1/in-the-archive.png", png()).archived(),
        Seed::zeros("hall-2/too-large.tiff", 300 << 20),
    ]
}

/// Returns a small picture that differs for each seed.
fn picture(seed: u32) -> RgbImage {
    RgbImage::from_fn(64, 48, |x, y| Rgb([(x * 4) as u8, (y * 5) as u8, (seed * 37 % 256) as u8]))
}

/// Returns a valid PNG.
fn png() -> Vec<u8> {
    let mut png = std::io::Cursor::new(Vec::new());
    // Writing to memory cannot fail.
    let _ = picture(1).write_to(&mut png, ImageFormat::Png);
    png.into_inner()
}

/// Returns the first boxes of an MP4 file of five seconds without tracks.
fn video() -> Vec<u8> {
    let mp4_box = |kind: &[u8; 4], content: &[u8]| {
        let size = (content.len() as u32 + 8).to_be_bytes();
        [&size[..], kind, content].concat()
    };
    let ftyp = mp4_box(b"ftyp", b"isom\0\0\x02\0isomiso2mp41");
    let mut header = [0; 100];
    header[12..16].copy_from_slice(&1000_u32.to_be_bytes()); // time scale
    header[16..20].copy_from_slice(&5000_u32.to_be_bytes()); // five seconds
    let moov = mp4_box(b"moov", &mp4_box(b"mvhd", &header));
    [ftyp, moov, mp4_box(b"mdat", &[0; 256])].concat()
}

/// Writes a file below the folder.
fn write(folder: &Path, name: &str, content: &[u8]) -> std::io::Result<()> {
    fs::write(folder.join(name), content)
}
