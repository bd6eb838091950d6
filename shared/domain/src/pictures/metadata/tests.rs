//! Real pictures, written by a common library with what telephones and programs put into them. In
//! each of them, everything that must go contains the word SECRET.

use std::io::Cursor;

use proptest::prelude::*;
use zune_jpeg::JpegDecoder;

use super::super::PictureFormat::{self, Jpeg, Png, WebP};
use super::exif::Orientation;
use super::without_metadata;

/// A picture's file, and how the picture is turned.
struct Sample {
    name: &'static str,
    format: PictureFormat,
    orientation: Option<u8>,
    file: &'static [u8],
}

macro_rules! samples {
    ($($name:literal $format:ident $orientation:expr),* $(,)?) => {
        [$(Sample {
            name: $name,
            format: $format,
            orientation: $orientation,
            file: include_bytes!(concat!("../fixtures/", $name)),
        }),*]
    };
}

const SAMPLES: [Sample; 11] = samples![
    "telephone.jpg" Jpeg Some(6),
    "progressive.jpg" Jpeg None,
    "cmyk.jpg" Jpeg None,
    "restarts.jpg" Jpeg Some(3),
    "texts.png" Png Some(8),
    "palette.png" Png None,
    "animated.png" Png Some(6),
    "lossy.webp" WebP Some(6),
    "lossless.webp" WebP None,
    "plain.webp" WebP None,
    "animated.webp" WebP Some(8),
];

/// The pixels that a decoder sees, of all pictures of an animation.
fn pixels(format: PictureFormat, file: &[u8]) -> Result<Vec<u8>, String> {
    let mut pixels = Vec::new();
    match format {
        Jpeg => {
            let decoded = JpegDecoder::new(Cursor::new(file)).decode();
            pixels = decoded.map_err(|error| format!("{error:?}"))?;
        }
        Png => {
            let told = |error: png::DecodingError| error.to_string();
            let mut reader = png::Decoder::new(Cursor::new(file)).read_info().map_err(told)?;
            let frames = reader.info().animation_control().map_or(1, |it| it.num_frames);
            for _ in 0..frames {
                let mut frame = vec![0; reader.output_buffer_size().ok_or("too large")?];
                reader.next_frame(&mut frame).map_err(told)?;
                pixels.extend(frame);
            }
        }
        WebP => {
            let told = |error: image_webp::DecodingError| error.to_string();
            let mut decoder = image_webp::WebPDecoder::new(Cursor::new(file)).map_err(told)?;
            let mut frame = vec![0; decoder.output_buffer_size().ok_or("too large")?];
            if decoder.is_animated() {
                for _ in 0..decoder.num_frames() {
                    decoder.read_frame(&mut frame).map_err(told)?;
                    pixels.extend(&frame);
                }
            } else {
                decoder.read_image(&mut frame).map_err(told)?;
                pixels.extend(frame);
            }
        }
    }
    Ok(pixels)
}

/// The EXIF that a decoder finds.
fn exif(format: PictureFormat, file: &[u8]) -> Option<Vec<u8>> {
    match format {
        Jpeg => {
            let mut decoder = JpegDecoder::new(Cursor::new(file));
            decoder.decode_headers().expect("headers");
            decoder.exif().cloned()
        }
        Png => {
            let reader = png::Decoder::new(Cursor::new(file)).read_info().expect("a header");
            reader.info().exif_metadata.as_ref().map(|exif| exif.to_vec())
        }
        WebP => {
            let mut decoder = image_webp::WebPDecoder::new(Cursor::new(file)).expect("a header");
            decoder.exif_metadata().expect("chunks")
        }
    }
}

fn contains(file: &[u8], word: &[u8]) -> bool {
    file.windows(word.len()).any(|part| part == word)
}

#[test]
fn place_camera_and_texts_are_gone_and_pixels_stay() {
    for Sample { name, format, orientation, file } in SAMPLES {
        let clean = without_metadata(format, file);
        for word in [b"SECRET".as_slice(), b"GPS", b"adobe:ns", b"2026", b"tEXt", b"zTXt"] {
            assert!(!contains(&clean, word), "{name}: {}", String::from_utf8_lossy(word));
        }
        let pixels_of =
            |file| pixels(format, file).unwrap_or_else(|error| panic!("{name} {error}"));
        assert_eq!(pixels_of(&clean), pixels_of(file), "{name}");
        let kept = exif(format, &clean);
        let of_kept = kept.as_deref().and_then(Orientation::of);
        let of_file = exif(format, file).as_deref().and_then(Orientation::of);
        assert_eq!(of_kept, of_file, "{name}");
        assert_eq!(of_kept.map(Orientation::value), orientation, "{name}");
        assert!(kept.is_none_or(|kept| kept.len() <= 26 + 6), "{name}: only the orientation");
        assert_eq!(without_metadata(format, &clean), clean, "{name}: once is enough");
    }
}

#[test]
fn a_clean_picture_stays_byte_for_byte() {
    let plain = include_bytes!("../fixtures/plain.webp");
    assert_eq!(without_metadata(WebP, plain), plain);
    let heads: [(PictureFormat, &[u8]); 3] = [
        (Png, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01"),
        (Jpeg, b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01"),
        (WebP, b"RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0"),
    ];
    for (format, head) in heads {
        assert_eq!(without_metadata(format, head), head, "the file was cut off");
    }
}

#[test]
fn colour_profiles_stay() {
    for (format, file, profile) in [
        (Jpeg, SAMPLES[0].file, b"ICC_PROFILE\0".as_slice()),
        (Png, SAMPLES[4].file, b"iCCP"),
        (Png, SAMPLES[4].file, b"pHYs"),
        (WebP, SAMPLES[7].file, b"ICCP"),
    ] {
        assert!(contains(file, profile) && contains(&without_metadata(format, file), profile));
    }
    assert!(contains(&without_metadata(Jpeg, SAMPLES[2].file), b"Adobe"));
}

#[test]
fn a_jpegs_thumbnail_in_its_jfif_header_is_gone() {
    let plain = without_metadata(Jpeg, SAMPLES[1].file);
    assert_eq!(&plain[2..6], b"\xff\xe0\0\x10", "a JFIF header");
    let mut with_thumbnail = plain.clone();
    with_thumbnail[5] = 0x10 + 3;
    with_thumbnail[18..20].copy_from_slice(&[1, 1]);
    with_thumbnail.splice(20..20, [1, 2, 3]);
    assert_eq!(without_metadata(Jpeg, &with_thumbnail), plain);
}

#[test]
fn metadata_between_the_scans_of_a_jpeg_is_gone() {
    let plain = without_metadata(Jpeg, SAMPLES[1].file);
    let second_scan = plain.windows(2).rposition(|pair| pair == [0xff, 0xda]).expect("a scan");
    let mut changed = plain.clone();
    changed.splice(second_scan..second_scan, *b"\xff\xe1\0\x0eExif\0\0SECRET\xff\xfe\0\x05abc");
    assert_eq!(without_metadata(Jpeg, &changed), plain);
}

#[test]
fn a_picture_that_was_cut_off_keeps_what_there_is() {
    for Sample { name, format, file, .. } in SAMPLES {
        let whole = without_metadata(format, file);
        for length in 0..file.len() {
            let cut = without_metadata(format, &file[..length]);
            assert!(!contains(&cut, b"SECRET"), "{name} {length}");
            // A WebP's first bytes speak of all of it.
            let start = if format == WebP { cut.len().min(22) } else { 0 };
            assert!(whole[start..].starts_with(&cut[start..]), "{name} {length}");
            assert_eq!(without_metadata(format, &cut), cut, "{name} {length}");
        }
    }
}

/// A segment of a JPEG, a chunk of a PNG or of a WebP that holds only metadata.
fn metadata(format: PictureFormat, kind: usize, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).expect("short");
    match format {
        Jpeg => {
            let marker = [0xe1, 0xe3, 0xe5, 0xeb, 0xec, 0xed, 0xef, 0xfe][kind % 8];
            let length = u16::try_from(data.len() + 2).expect("short").to_be_bytes();
            [&[0xff, marker], length.as_slice(), data].concat()
        }
        Png => {
            let name = [b"tEXt", b"zTXt", b"iTXt", b"prVt", b"caBX", b"tIME"][kind % 6];
            let named = [name.as_slice(), data].concat();
            let checksum = crc32fast::hash(&named).to_be_bytes();
            [&length.to_be_bytes(), named.as_slice(), &checksum].concat()
        }
        WebP => {
            let name = [b"XMP ", b"EXIF", b"abcd"][kind % 3];
            let padding: &[u8] = if length % 2 == 1 { &[0] } else { &[] };
            [name, length.to_le_bytes().as_slice(), data, padding].concat()
        }
    }
}

/// Where in a clean file metadata can be: after its first segment or chunk.
fn place(format: PictureFormat, clean: &[u8]) -> usize {
    match format {
        Jpeg => 2,
        Png => 33,
        WebP if &clean[12..16] == b"VP8X" => 30,
        WebP => clean.len(),
    }
}

proptest! {
    #[test]
    fn any_metadata_goes_and_leaves_the_picture(
        sample in 0..SAMPLES.len(),
        added in prop::collection::vec((any::<usize>(), prop::collection::vec(any::<u8>(), 0..60)), 0..5),
        trailer in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let Sample { format, file, .. } = SAMPLES[sample];
        let clean = without_metadata(format, file);
        let added = added.iter().map(|(kind, data)| metadata(format, *kind, data));
        let added = added.collect::<Vec<_>>().concat();
        let mut changed = clean.clone();
        let place = place(format, &clean);
        changed.splice(place..place, added);
        if format == WebP {
            let length = u32::try_from(changed.len() - 8).expect("short");
            changed[4..8].copy_from_slice(&length.to_le_bytes());
        }
        changed.extend(trailer);
        prop_assert_eq!(without_metadata(format, &changed), clean);
    }

    #[test]
    fn a_damaged_picture_is_cleaned_once_and_never_grows(
        sample in 0..SAMPLES.len(),
        damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        length in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let Sample { format, file, .. } = SAMPLES[sample];
        let mut file = file.to_vec();
        for (place, byte) in damages {
            let place = place.index(file.len());
            file[place] = byte;
        }
        if is_cut {
            file.truncate(length.index(file.len()));
        }
        let clean = without_metadata(format, &file);
        prop_assert!(clean.len() <= file.len());
        prop_assert_eq!(without_metadata(format, &clean), clean);
    }

    #[test]
    fn any_bytes_are_cleaned_once_and_never_grow(
        format in prop::sample::select(vec![Jpeg, Png, WebP]),
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(0xff), Just(0)], 0..300),
    ) {
        let start: &[u8] = match format {
            Jpeg => b"\xff\xd8",
            Png => b"\x89PNG\r\n\x1a\n",
            WebP => b"RIFF\xff\0\0\0WEBPVP8X\x0a\0\0\0\x0c\0\0\0\0\0\0\0\0\0",
        };
        let file = [start, &bytes].concat();
        let clean = without_metadata(format, &file);
        prop_assert!(clean.len() <= file.len());
        prop_assert_eq!(without_metadata(format, &clean), clean);
    }
}
