// Makes pem.tsv: texts, and the blocks that Go's encoding/pem reads from each.
//
//	go run pem.go > pem.tsv
//
// A line has a name, the quoted text, and each block: its label, whether it has headers, and its bytes.
package main

import (
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/rand"
	"strconv"
	"strings"
)

func blocks(text string) string {
	var all []string
	rest := []byte(text)
	for {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			break
		}
		all = append(all, fmt.Sprintf("%s|%t|%s", quote(block.Type), len(block.Headers) > 0, hex.EncodeToString(block.Bytes)))
	}
	return strings.Join(all, "\t")
}

// As a Go string literal, byte by byte, without the quotes.
func quote(text string) string {
	var all strings.Builder
	for _, letter := range []byte(text) {
		quoted := strconv.Quote(string(rune(letter)))
		if letter >= 0x7f {
			quoted = fmt.Sprintf("\"\\x%02x\"", letter)
		}
		all.WriteString(quoted[1 : len(quoted)-1])
	}
	return all.String()
}

func show(name, text string) {
	fmt.Printf("%s\t%s\t%s\n", name, quote(text), blocks(text))
}

var named = [][2]string{
	{"plain", "-----BEGIN A-----\nZm9v\n-----END A-----\n"},
	{"no line end at the end", "-----BEGIN A-----\nZm9v\n-----END A-----"},
	{"text before", "Certificate:\n    Data: x\n-----BEGIN A-----\nZm9v\n-----END A-----\n"},
	{"text after", "-----BEGIN A-----\nZm9v\n-----END A-----\n# issued by the corporate CA"},
	{"text between", "-----BEGIN A-----\nZm9v\n-----END A-----\nthen\n-----BEGIN B-----\nZm8=\n-----END B-----\n"},
	{"text before in the same line", "x-----BEGIN A-----\nZm9v\n-----END A-----\n"},
	{"space before BEGIN", " -----BEGIN A-----\nZm9v\n-----END A-----\n"},
	{"space after BEGIN", "-----BEGIN A----- \nZm9v\n-----END A-----\n"},
	{"tab after END", "-----BEGIN A-----\nZm9v\n-----END A-----\t\n"},
	{"text after END in the same line", "-----BEGIN A-----\nZm9v\n-----END A----- x\n"},
	{"space before END", "-----BEGIN A-----\nZm9v\n -----END A-----\n"},
	{"CR LF", "-----BEGIN A-----\r\nZm9v\r\n-----END A-----\r\n"},
	{"CR at the end of the text", "-----BEGIN A-----\nZm9v\n-----END A-----\r"},
	{"CR alone", "-----BEGIN A-----\rZm9v\r-----END A-----\r"},
	{"CR CR LF", "-----BEGIN A-----\r\r\nZm9v\r\r\n-----END A-----\r\r\n"},
	{"blank line inside", "-----BEGIN A-----\n\nZm9v\n\n-----END A-----\n"},
	{"spaces inside", "-----BEGIN A-----\n Zm\t9v  \n-----END A-----\n"},
	{"headers", "-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\nZm9v\n-----END A-----\n"},
	{"header without blank line", "-----BEGIN A-----\nKey: Value\nZm9v\n-----END A-----\n"},
	{"header and nothing else", "-----BEGIN A-----\nKey: Value\n-----END A-----\n"},
	{"header after a blank line", "-----BEGIN A-----\n\nKey: Value\n\nZm9v\n-----END A-----\n"},
	{"two headers of one name", "-----BEGIN A-----\nKey: 1\nKey: 2\n\nZm9v\n-----END A-----\n"},
	{"label with a colon", "-----BEGIN A:B-----\nZm9v\n-----END A:B-----\n"},
	{"empty with a colon in the label", "-----BEGIN A:B-----\n-----END A:B-----\n-----BEGIN C-----\nZm9v\n-----END C-----\n"},
	{"empty", "-----BEGIN A-----\n-----END A-----\n"},
	{"empty with a blank line", "-----BEGIN A-----\n\n-----END A-----\n"},
	{"no label", "-----BEGIN -----\nZm9v\n-----END -----\n"},
	{"another label at the end", "-----BEGIN A-----\nZm9v\n-----END B-----\n-----BEGIN C-----\nZm9v\n-----END C-----\n"},
	{"BEGIN without END", "-----BEGIN A-----\nZm9v\n-----BEGIN B-----\nZm8=\n-----END B-----\n"},
	{"END without BEGIN", "-----END A-----\n-----BEGIN B-----\nZm8=\n-----END B-----\n"},
	{"cut", "-----BEGIN A-----\nZm9v\n-----EN"},
	{"cut in the END line", "-----BEGIN A-----\nZm9v\n-----END A---"},
	{"four dashes", "----BEGIN A-----\nZm9v\n-----END A-----\n"},
	{"six dashes", "------BEGIN A-----\nZm9v\n-----END A-----\n"},
	{"six dashes at the end", "-----BEGIN A------\nZm9v\n-----END A------\n"},
	{"no padding", "-----BEGIN A-----\nZg\n-----END A-----\n"},
	{"half of the padding", "-----BEGIN A-----\nZg=\n-----END A-----\n"},
	{"padding over two lines", "-----BEGIN A-----\nZg=\n=\n-----END A-----\n"},
	{"text after the padding", "-----BEGIN A-----\nZg==Zm9v\n-----END A-----\n"},
	{"unused bits", "-----BEGIN A-----\nZh==\n-----END A-----\n"},
	{"all padding", "-----BEGIN A-----\n====\n-----END A-----\n"},
	{"a bad digit", "-----BEGIN A-----\nZm9*\n-----END A-----\n-----BEGIN B-----\nZm8=\n-----END B-----\n"},
	{"URL alphabet", "-----BEGIN A-----\n-_-_\n-----END A-----\n"},
	{"byte above ASCII", "-----BEGIN A-----\nZm9v\xe9\n-----END A-----\n"},
	{"zero byte", "-----BEGIN A-----\nZm9v\x00\n-----END A-----\n"},
	{"byte order mark", "\ufeff-----BEGIN A-----\nZm9v\n-----END A-----\n"},
	{"all in one line", "-----BEGIN A-----Zm9v-----END A-----\n"},
	{"BEGIN twice", "-----BEGIN A-----\n-----BEGIN A-----\nZm9v\n-----END A-----\n"},
	{"BEGIN inside a line of the block", "-----BEGIN A-----\nx-----BEGIN A-----\nZm9v\n-----END A-----\n"},
	{"comment with dashes", "# -----BEGIN A-----\n-----BEGIN A-----\nZm9v\n-----END A-----\n"},
	{"bag attributes", "Bag Attributes\n    localKeyID: 01 02\nsubject=CN = x\n-----BEGIN A-----\nZm9v\n-----END A-----\n"},
	{"nothing", ""},
	{"blank", "\n\n"},
}

func main() {
	for _, it := range named {
		show(it[0], it[1])
	}
	parts := []string{"-----BEGIN A-----", "-----BEGIN B-----", "-----END A-----", "-----END B-----", "-----BEGIN ", "-----END ", "-----", "\n", "\n", "\n", "\n", "\r\n", " ", "\t", "Zm9v", "Zg==", "Zh==", "Zg", "=", "K: v", ":", "x", "\r"}
	random := rand.New(rand.NewSource(7))
	for count := 0; count < 600; {
		var text strings.Builder
		for n := 3 + random.Intn(16); n > 0; n-- {
			text.WriteString(parts[random.Intn(len(parts))])
		}
		// Most are of no interest: one in ten without a block is kept.
		if blocks(text.String()) == "" && random.Intn(40) > 0 {
			continue
		}
		show(fmt.Sprintf("random %d", count), text.String())
		count++
	}
	for count := 0; count < 600; count++ {
		text := named[random.Intn(len(named))][1] + named[random.Intn(len(named))][1]
		for n := 1 + random.Intn(2); n > 0; n-- {
			at := random.Intn(len(text))
			end := at + random.Intn(3)
			if end > len(text) {
				end = len(text)
			}
			text = text[:at] + parts[random.Intn(len(parts))] + text[end:]
		}
		show(fmt.Sprintf("edited %d", count), text)
	}
}
