//! Small numbers as Parquet keeps levels and places in a dictionary: runs of one number, and groups of eight numbers packed
//! bit by bit (<https://github.com/apache/parquet-format/blob/master/Encodings.md#RLE>).
//!
//! ```text
//! run:    varint(count << 1)       | the number, in whole bytes
//! groups: varint(groups << 1 | 1)  | 8 * groups numbers of `width` bits, the lowest bit first
//! ```

/// Numbers of a group.
const GROUP: usize = 8;

/// Appends `numbers`, each of which has at most `width` bits.
pub(super) fn write_hybrid<T: Copy + PartialEq + Into<u32>>(numbers: &[T], width: u8, out: &mut Vec<u8>) {
    // Where the numbers begin that are to be packed.
    let mut packed = 0;
    let mut place = 0;
    while let Some(number) = numbers.get(place) {
        let count = numbers[place..].iter().take_while(|other| *other == number).count();
        // Groups are whole, but for the last one.
        let fill = (place - packed).next_multiple_of(GROUP) - (place - packed);
        if count >= fill + GROUP {
            write_packed(&numbers[packed..place + fill], width, out);
            write_run((*number).into(), count - fill, width, out);
            packed = place + count;
        }
        place += count;
    }
    write_packed(&numbers[packed..], width, out);
}

/// Appends a run of one number of at most `width` bits.
pub(super) fn write_run(number: u32, count: usize, width: u8, out: &mut Vec<u8>) {
    if count > 0 {
        write_varint(count << 1, out);
        out.extend(number.to_le_bytes().iter().take(usize::from(width).div_ceil(8)));
    }
}

fn write_packed<T: Copy + Into<u32>>(numbers: &[T], width: u8, out: &mut Vec<u8>) {
    if numbers.is_empty() {
        return;
    }
    write_varint(numbers.len().div_ceil(GROUP) << 1 | 1, out);
    for group in numbers.chunks(GROUP) {
        let bytes = usize::from(width);
        if width <= 16 {
            let bits =
                group.iter().rev().fold(0_u128, |bits, number| bits << width | u128::from((*number).into()));
            out.extend_from_slice(&bits.to_le_bytes()[..bytes]);
        } else {
            let start = out.len();
            let (mut bits, mut count) = (0_u64, 0);
            for number in group {
                bits |= u64::from((*number).into()) << count;
                count += u32::from(width);
                let whole = (count / 8) as usize;
                out.extend(bits.to_le_bytes().iter().take(whole));
                bits >>= 8 * whole;
                count %= 8;
            }
            out.extend(bits.to_le_bytes().iter().take(count.div_ceil(8) as usize));
            out.resize(start + bytes, 0);
        }
    }
}

fn write_varint(mut number: usize, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// The bits that it takes to tell the numbers up to `greatest` apart.
pub(super) fn width_of(greatest: usize) -> u8 {
    u8::try_from(usize::BITS - greatest.leading_zeros()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// The first `count` numbers, as the format's document says.
    fn read(mut bytes: &[u8], width: u8, count: usize) -> Vec<u32> {
        let mut numbers = Vec::new();
        while numbers.len() < count {
            let (mut header, mut shift) = (0_usize, 0);
            loop {
                let (byte, rest) = bytes.split_first().unwrap();
                bytes = rest;
                header |= usize::from(byte & 0x7f) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            let (length, bit) = if header & 1 == 0 {
                (usize::from(width).div_ceil(8), 0)
            } else {
                ((header >> 1) * usize::from(width), usize::from(width))
            };
            let (values, rest) = bytes.split_at(length);
            bytes = rest;
            let at = |place: usize| u32::from(values[place / 8] >> (place % 8) & 1);
            let in_header = if header & 1 == 0 { header >> 1 } else { (header >> 1) * GROUP };
            for number in 0..in_header {
                let bits = (0..usize::from(width)).map(|place| at(number * bit + place) << place);
                numbers.push(bits.sum());
            }
        }
        assert!(bytes.is_empty());
        // Only the last group may be filled up, with zeros.
        assert!(numbers.len() < count + GROUP && numbers.drain(count..).all(|filled| filled == 0));
        numbers
    }

    proptest! {
        #[test]
        fn numbers_of_any_width_are_read_back(
            width in 0_u8..=24,
            runs in vec((any::<u32>(), prop_oneof![1_usize..3, 6_usize..20, Just(200)]), 0..20),
        ) {
            let of_run = |(number, count): (u32, usize)| vec![number & ((1 << width) - 1); count];
            let numbers: Vec<u32> = runs.into_iter().flat_map(of_run).collect();
            let mut bytes = Vec::new();
            write_hybrid(&numbers, width, &mut bytes);
            prop_assert_eq!(read(&bytes, width, numbers.len()), numbers);
        }
    }

    #[test]
    fn a_width_holds_the_greatest_number_and_no_more() {
        let widths = [0, 1, 2, 3, 4, 255, 256].map(width_of);
        assert_eq!(widths, [0, 1, 2, 2, 3, 8, 9]);
    }

    #[test]
    fn long_runs_take_a_few_bytes() {
        let mut bytes = Vec::new();
        write_hybrid(&vec![1_u8; 50_000], 1, &mut bytes);
        assert_eq!(bytes, [0xa0, 0x8d, 0x06, 1]);
    }
}
