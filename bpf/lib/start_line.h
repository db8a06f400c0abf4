/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
/*
 * Is this the first line of an HTTP/1 message? (RFC 9112 sections 3 and 4.)
 *
 * A request begins with a method of the IANA registry, a space and what a target can begin with;
 * a response with "HTTP/1.". Words of eight bytes are compared, little-endian as on both
 * architectures that this is built for.
 */
enum start { START_NONE, START_PARTIAL, START_REQUEST, START_RESPONSE };

#define START_BYTES 20	  /* enough to tell: the longest method, a space, and one byte more */

#define W(a, b, c, d, e, f, g, h)                                                                  \
	((u64)(a) | (u64)(b) << 8 | (u64)(c) << 16 | (u64)(d) << 24 | (u64)(e) << 32 |             \
	 (u64)(f) << 40 | (u64)(g) << 48 | (u64)(h) << 56)
#define LOW(bytes) (~0ULL >> (64 - 8 * (bytes)))

/* The length of the method that the bytes begin with, 0 if there is none. */
static u32 method_length(u64 a, u64 b, u64 c)
{
#define METHOD3(x, y, z)                                                                           \
	if ((a & LOW(4)) == W(x, y, z, ' ', 0, 0, 0, 0))                                           \
		return 3
#define METHOD4(w, x, y, z)                                                                        \
	if ((a & LOW(5)) == W(w, x, y, z, ' ', 0, 0, 0))                                           \
		return 4
#define METHOD5(v, w, x, y, z)                                                                     \
	if ((a & LOW(6)) == W(v, w, x, y, z, ' ', 0, 0))                                           \
		return 5
#define METHOD6(u, v, w, x, y, z)                                                                  \
	if ((a & LOW(7)) == W(u, v, w, x, y, z, ' ', 0))                                           \
		return 6
#define METHOD7(t, u, v, w, x, y, z)                                                               \
	if (a == W(t, u, v, w, x, y, z, ' '))                                                      \
		return 7
#define METHOD_LONG(first, rest, bytes)                                                            \
	if (a == (first) && (b & LOW((bytes) - 7)) == (rest))                                      \
		return bytes
	METHOD3('G', 'E', 'T');
	METHOD4('P', 'O', 'S', 'T');
	METHOD4('H', 'E', 'A', 'D');
	METHOD3('P', 'U', 'T');
	METHOD7('O', 'P', 'T', 'I', 'O', 'N', 'S');
	METHOD6('D', 'E', 'L', 'E', 'T', 'E');
	METHOD5('P', 'A', 'T', 'C', 'H');
	METHOD7('C', 'O', 'N', 'N', 'E', 'C', 'T');
	METHOD5('T', 'R', 'A', 'C', 'E');
	METHOD5('Q', 'U', 'E', 'R', 'Y');
	METHOD3('A', 'C', 'L');
	METHOD4('B', 'I', 'N', 'D');
	METHOD7('C', 'H', 'E', 'C', 'K', 'I', 'N');
	METHOD4('C', 'O', 'P', 'Y');
	METHOD5('L', 'A', 'B', 'E', 'L');
	METHOD4('L', 'I', 'N', 'K');
	METHOD4('L', 'O', 'C', 'K');
	METHOD5('M', 'E', 'R', 'G', 'E');
	METHOD5('M', 'K', 'C', 'O', 'L');
	METHOD4('M', 'O', 'V', 'E');
	METHOD6('R', 'E', 'B', 'I', 'N', 'D');
	METHOD6('R', 'E', 'P', 'O', 'R', 'T');
	METHOD6('S', 'E', 'A', 'R', 'C', 'H');
	METHOD6('U', 'N', 'B', 'I', 'N', 'D');
	METHOD6('U', 'N', 'L', 'I', 'N', 'K');
	METHOD6('U', 'N', 'L', 'O', 'C', 'K');
	METHOD6('U', 'P', 'D', 'A', 'T', 'E');
	METHOD_LONG(W('C', 'H', 'E', 'C', 'K', 'O', 'U', 'T'), W(' ', 0, 0, 0, 0, 0, 0, 0), 8);
	METHOD_LONG(W('P', 'R', 'O', 'P', 'F', 'I', 'N', 'D'), W(' ', 0, 0, 0, 0, 0, 0, 0), 8);
	METHOD_LONG(W('P', 'R', 'O', 'P', 'P', 'A', 'T', 'C'), W('H', ' ', 0, 0, 0, 0, 0, 0), 9);
	METHOD_LONG(W('M', 'K', 'A', 'C', 'T', 'I', 'V', 'I'), W('T', 'Y', ' ', 0, 0, 0, 0, 0), 10);
	METHOD_LONG(W('M', 'K', 'C', 'A', 'L', 'E', 'N', 'D'), W('A', 'R', ' ', 0, 0, 0, 0, 0), 10);
	METHOD_LONG(W('O', 'R', 'D', 'E', 'R', 'P', 'A', 'T'), W('C', 'H', ' ', 0, 0, 0, 0, 0), 10);
	METHOD_LONG(W('U', 'N', 'C', 'H', 'E', 'C', 'K', 'O'), W('U', 'T', ' ', 0, 0, 0, 0, 0), 10);
	METHOD_LONG(W('M', 'K', 'W', 'O', 'R', 'K', 'S', 'P'), W('A', 'C', 'E', ' ', 0, 0, 0, 0), 11);
	METHOD_LONG(W('M', 'K', 'R', 'E', 'D', 'I', 'R', 'E'),
		    W('C', 'T', 'R', 'E', 'F', ' ', 0, 0), 13);
	METHOD_LONG(W('V', 'E', 'R', 'S', 'I', 'O', 'N', '-'),
		    W('C', 'O', 'N', 'T', 'R', 'O', 'L', ' '), 15);
	if (a == W('B', 'A', 'S', 'E', 'L', 'I', 'N', 'E') &&
	    b == W('-', 'C', 'O', 'N', 'T', 'R', 'O', 'L') && (c & 0xff) == ' ')
		return 16;
	if (a == W('U', 'P', 'D', 'A', 'T', 'E', 'R', 'E') &&
	    b == W('D', 'I', 'R', 'E', 'C', 'T', 'R', 'E') &&
	    (c & 0xffff) == ('F' | ' ' << 8))
		return 17;
	return 0;
}

static bool target_begin(u8 byte)
{
	/* origin, absolute and asterisk form; a host, a port and an address for CONNECT */
	return byte == '/' || byte == '*' || byte == '[' || byte == ':' || byte == '?' ||
	       (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
	       (byte >= 'A' && byte <= 'Z');
}

/*
 * Could more bytes make this a start line? As far as the first eight tell: a capital, then nothing
 * but capitals, digits and signs (0x20 to 0x5f: bits 5 and 6 differ). Without a loop, for the
 * verifier would follow every turn of it.
 */
static bool could_begin(u64 a, u64 available)
{
	u64 first = a & 0xff, odd = (a & 0x8080808080808080ULL) | (~(a >> 1 ^ a) & 0x2020202020202020ULL);

	if (first < 'A' || first > 'Z')
		return false;
	return !(available < 8 ? odd << (64 - 8 * available) : odd);
}

/* `at` must have 24 readable bytes; only `available` of them count. */
static enum start start_kind(u8 *at, u32 available, u8 *kind)
{
	u64 a = *(u64 *)at, b = *(u64 *)(at + 8), c = *(u64 *)(at + 16);
	u32 length;

	*kind = REQUEST_OTHER;
	if ((a & LOW(7)) == W('H', 'T', 'T', 'P', '/', '1', '.', 0) && available >= 7)
		return available >= 13 ? START_RESPONSE : START_PARTIAL;
	length = method_length(a, b, c);
	if (length && length + 1 < available) {
		if (!target_begin(at[length & 31 & 0x1f] == ' ' ? at[(length + 1) & 0x1f] : 0))
			return START_NONE;
		if (length == 4 && (a & LOW(4)) == W('H', 'E', 'A', 'D', 0, 0, 0, 0))
			*kind = REQUEST_HEAD;
		else if (length == 7 && a == W('C', 'O', 'N', 'N', 'E', 'C', 'T', ' '))
			*kind = REQUEST_CONNECT;
		return START_REQUEST;
	}
	if (available < START_BYTES && could_begin(a, available))
		return START_PARTIAL;
	return START_NONE;
}

/* Does the line that ends with the LF at `end` name its version? "... HTTP/1.x\r\n" */
static bool names_version(u8 *lf)
{
	u64 crlf = *(u64 *)(lf - 9), bare = *(u64 *)(lf - 8);
	u64 name = W('H', 'T', 'T', 'P', '/', '1', '.', 0);

	return ((crlf & LOW(7)) == name && lf[-1] == '\r') || (bare & LOW(7)) == name;
}
