//! Prefix codes (Huffman's), as RFC 1951 builds them from nothing but their lengths.

/// A code for each of so many symbols.
#[derive(Debug)]
pub(super) struct PrefixCode<const SYMBOLS: usize> {
    /// How many bits each takes; none for one that does not occur.
    pub(super) lengths: [u8; SYMBOLS],
    /// The bits, the first of them lowest.
    pub(super) codes: [u16; SYMBOLS],
}

/// The longest of all codes.
const LENGTH_MAX: usize = 15;

impl<const SYMBOLS: usize> PrefixCode<SYMBOLS> {
    /// The shortest code for symbols that occur so often, of which none is longer than `length_max`, which is at most 15. Its
    /// lengths fill the code exactly; there are decoders that refuse less, so that at least two symbols have one.
    pub(super) fn new(counts: &[u32; SYMBOLS], length_max: usize) -> Self {
        let mut symbols: Vec<(u32, usize)> = counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(|(symbol, count)| (*count, symbol))
            .collect();
        let seldom = (0..SYMBOLS).filter(|symbol| counts[*symbol] == 0).map(|symbol| (0, symbol));
        symbols.extend(seldom.take(2_usize.saturating_sub(symbols.len())));
        symbols.sort_unstable();
        let weights: Vec<u32> = symbols.iter().map(|(count, _)| *count).collect();
        let numbers = limited(&depths(&weights), length_max.min(LENGTH_MAX));
        let mut lengths = [0; SYMBOLS];
        let by_length = (0..).zip(numbers).flat_map(|(length, number)| (0..number).map(move |_| length));
        // The shortest for the most frequent.
        for ((_, symbol), length) in symbols.iter().rev().zip(by_length) {
            lengths[*symbol] = length;
        }
        Self { lengths, codes: canonical(&lengths, &numbers) }
    }
}

/// How deep each weight lies in Huffman's tree, for weights in ascending order, of which there are at least two.
fn depths(weights: &[u32]) -> Vec<usize> {
    let leaves = weights.len();
    let mut weights = weights.to_vec();
    let mut parents = vec![0; 2 * leaves];
    // The lightest of leaves and of inner nodes; both come in ascending order.
    let (mut leaf, mut node) = (0, leaves);
    for parent in leaves..2 * leaves - 1 {
        let mut weight = 0;
        for _ in 0..2 {
            let lightest = if leaf < leaves && (node == parent || weights[leaf] <= weights[node]) {
                &mut leaf
            } else {
                &mut node
            };
            weight += weights[*lightest];
            parents[*lightest] = parent;
            *lightest += 1;
        }
        weights.push(weight);
    }
    let mut depths = vec![0; weights.len()];
    for place in (0..weights.len() - 1).rev() {
        depths[place] = depths[parents[place]] + 1;
    }
    depths.truncate(leaves);
    depths
}

/// How many codes there are of each length, of which none is longer than `length_max`: what was deeper comes up, and for it
/// something goes down, until the lengths fill the code again.
fn limited(depths: &[usize], length_max: usize) -> [u16; LENGTH_MAX + 1] {
    let mut numbers = [0_u16; LENGTH_MAX + 1];
    for depth in depths {
        numbers[(*depth).min(length_max)] += 1;
    }
    let taken = |(length, number): (usize, &u16)| usize::from(*number) << (length_max - length);
    let mut excess: usize = numbers.iter().enumerate().take(length_max + 1).map(taken).sum();
    while excess > 1 << length_max {
        // Two codes of the longest length and one of the next shorter that there is become three: one takes less.
        let shorter = (1..length_max).rev().find(|length| numbers[*length] > 0).unwrap_or(1);
        numbers[length_max] -= 1;
        numbers[shorter] -= 1;
        numbers[shorter + 1] += 2;
        excess -= 1;
    }
    numbers
}

/// The codes of these lengths: ascending by length and then by symbol.
fn canonical<const SYMBOLS: usize>(
    lengths: &[u8; SYMBOLS],
    numbers: &[u16; LENGTH_MAX + 1],
) -> [u16; SYMBOLS] {
    let mut next = [0_u16; LENGTH_MAX + 1];
    let mut code = 0;
    for length in 1..=LENGTH_MAX {
        code <<= 1;
        next[length] = code;
        code += numbers[length];
    }
    lengths.map(|length| {
        let code = &mut next[usize::from(length)];
        *code = code.wrapping_add(1);
        let bits = u32::from(length);
        if bits == 0 { 0 } else { code.wrapping_sub(1).reverse_bits() >> (16 - bits) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_fill_their_space_and_are_no_longer_than_allowed() {
        let mut fibonacci = [1_u32; 40];
        for place in 2..fibonacci.len() {
            fibonacci[place] = fibonacci[place - 1] + fibonacci[place - 2];
        }
        let even = [7; 40];
        let mut two = [0; 40];
        two[3] = 1;
        two[39] = 9;
        for counts in [fibonacci, even, two, [0; 40]] {
            for length_max in [7, 9, 15] {
                let code = PrefixCode::new(&counts, length_max);
                let taken = |length: &u8| if *length == 0 { 0.0 } else { 0.5_f64.powi((*length).into()) };
                let taken: f64 = code.lengths.iter().map(taken).sum();
                assert!((taken - 1.0).abs() < f64::EPSILON, "{:?}", code.lengths);
                assert!(code.lengths.iter().all(|length| usize::from(*length) <= length_max));
                for (count, length) in counts.iter().zip(code.lengths) {
                    assert!(*count == 0 || length > 0, "what occurs has a code");
                }
            }
        }
    }

    #[test]
    fn codes_are_those_of_the_example_in_the_rfc() {
        // Section 3.2.2: lengths 3, 3, 3, 3, 3, 2, 4, 4.
        let code = PrefixCode::new(&[8, 8, 8, 8, 8, 16, 4, 4], 15);
        assert_eq!(code.lengths, [3, 3, 3, 3, 3, 2, 4, 4]);
        let reversed: Vec<String> = code
            .lengths
            .iter()
            .zip(code.codes)
            .map(|(length, code)| {
                format!("{code:0width$b}", width = usize::from(*length)).chars().rev().collect()
            })
            .collect();
        assert_eq!(reversed, ["010", "011", "100", "101", "110", "00", "1110", "1111"]);
    }

    #[test]
    fn what_is_more_frequent_is_not_longer() {
        let counts: [u32; 200] = std::array::from_fn(|place| u32::try_from(place * place % 977).unwrap());
        let code = PrefixCode::new(&counts, 9);
        for (one, other) in (0..200).flat_map(|one| (0..200).map(move |other| (one, other))) {
            if counts[one] > counts[other] && counts[other] > 0 {
                assert!(code.lengths[one] <= code.lengths[other]);
            }
        }
    }
}
