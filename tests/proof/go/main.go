// Checks logs with the public verifiers: golang.org/x/mod's note and tlog, transparency-dev's formats and merkle, and Tessera's fsck.
//
//	outside [-witness VKEY]... [-proof FILE]... [-old CHECKPOINT]... VKEY DIR|URL...
//
// A proof is checked under the log's key alone; an old checkpoint is proved to be a beginning of each log. A line for each thing
// that was checked; exit 1 where something does not hold, with a line that begins with "wrong".
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"flag"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	fproof "github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"k8s.io/klog/v2"
)

type words []string

func (w *words) String() string { return strings.Join(*w, " ") }

func (w *words) Set(word string) error {
	*w = append(*w, word)
	return nil
}

// How many leaves of a log are proved one by one; of larger ones as many, spread evenly.
const leavesProved = 300

func fetcherOf(place string) (fsck.Fetcher, error) {
	if !strings.Contains(place, "://") {
		return &client.FileFetcher{Root: place}, nil
	}
	root, err := url.Parse(place)
	if err != nil {
		return nil, err
	}
	return client.NewHTTPFetcher(root, nil)
}

// Tiles as x/mod's tlog asks for them; its paths have the height, tlog-tiles' have not.
type tiles struct{ from fsck.Fetcher }

func (t tiles) Height() int { return 8 }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	read := make([][]byte, 0, len(wanted))
	for _, tile := range wanted {
		data, err := t.from.ReadTile(context.Background(), uint64(tile.L), uint64(tile.N), uint8(tile.W%256))
		if err != nil {
			return nil, err
		}
		if len(data) < tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", tile.Path(), len(data))
		}
		read = append(read, data[:tile.W*tlog.HashSize])
	}
	return read, nil
}

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func leafHashes(bundle []byte) ([][]byte, error) {
	parsed := &api.EntryBundle{}
	if err := parsed.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	hashes := make([][]byte, 0, len(parsed.Entries))
	for _, entry := range parsed.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return hashes, nil
}

type checker struct {
	vkey      string
	verifier  note.Verifier
	witnesses []note.Verifier
	proofs    words
	olds      words
}

// The checkpoint, by formats; its signature by x/mod's note, too.
func (c *checker) open(signed []byte, witnesses []note.Verifier) (*log.Checkpoint, error) {
	if _, err := note.Open(signed, note.VerifierList(c.verifier)); err != nil {
		return nil, fmt.Errorf("x/mod note: %w", err)
	}
	checkpoint, rest, opened, err := log.ParseCheckpoint(signed, c.verifier.Name(), c.verifier, witnesses...)
	if err != nil {
		return nil, fmt.Errorf("formats log: %w", err)
	}
	if len(rest) > 0 || len(opened.Sigs) != 1+len(witnesses) {
		return nil, fmt.Errorf("%d of %d signatures, %d bytes behind the root", len(opened.Sigs), 1+len(witnesses), len(rest))
	}
	return checkpoint, nil
}

// Every so many leaves, by x/mod's tlog: proved and checked.
func checkLeaves(tree tlog.Tree, reader tlog.HashReader) (int, error) {
	step, proved := tree.N/leavesProved+1, 0
	for leaf := int64(0); leaf < tree.N; leaf += step {
		hashes, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, leaf)})
		if err != nil {
			return 0, err
		}
		path, err := tlog.ProveRecord(tree.N, leaf, reader)
		if err != nil {
			return 0, err
		}
		if err := tlog.CheckRecord(path, tree.N, tree.Hash, leaf, hashes[0]); err != nil {
			return 0, fmt.Errorf("leaf %d: %w", leaf, err)
		}
		proved++
	}
	return proved, nil
}

func (c *checker) checkOld(name string, tree tlog.Tree, reader tlog.HashReader) error {
	signed, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	old, err := c.open(signed, nil)
	if err != nil || old.Size == 0 {
		return err
	}
	path, err := tlog.ProveTree(tree.N, int64(old.Size), reader)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(path, tree.N, tree.Hash, int64(old.Size), tlog.Hash(old.Hash)); err != nil {
		return err
	}
	hashes := make([][]byte, 0, len(path))
	for _, hash := range path {
		hashes = append(hashes, hash[:])
	}
	return proof.VerifyConsistency(rfc6962.DefaultHasher, old.Size, uint64(tree.N), hashes, old.Hash, tree.Hash[:])
}

func (c *checker) checkLog(place string) error {
	ctx := context.Background()
	fetcher, err := fetcherOf(place)
	if err != nil {
		return err
	}
	signed, err := fetcher.ReadCheckpoint(ctx)
	if err != nil {
		return err
	}
	checkpoint, err := c.open(signed, c.witnesses)
	if err != nil {
		return err
	}
	if err := fsck.New(c.verifier.Name(), c.verifier, fetcher, leafHashes, fsck.Opts{N: 2}).Check(ctx); err != nil {
		return fmt.Errorf("tessera fsck: %w", err)
	}
	tree := tlog.Tree{N: int64(checkpoint.Size), Hash: tlog.Hash(checkpoint.Hash)}
	reader := tlog.TileHashReader(tree, tiles{fetcher})
	root, err := tlog.TreeHash(tree.N, reader)
	if err != nil {
		return fmt.Errorf("x/mod tlog: %w", err)
	}
	if !bytes.Equal(root[:], checkpoint.Hash) {
		return fmt.Errorf("x/mod tlog: the tiles' root is %s", base64.StdEncoding.EncodeToString(root[:]))
	}
	proved, err := checkLeaves(tree, reader)
	if err != nil {
		return fmt.Errorf("x/mod tlog: %w", err)
	}
	for _, name := range c.olds {
		if err := c.checkOld(name, tree, reader); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	fmt.Printf("ok %s: %d entries, %d leaves proved, %d witnesses, %d older checkpoints\n", place, tree.N, proved, len(c.witnesses), len(c.olds))
	return nil
}

func (c *checker) checkProof(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	parsed := fproof.TLogProof{}
	if err := parsed.Unmarshal(text); err != nil {
		return err
	}
	checkpoint, err := c.open(parsed.Checkpoint, c.witnesses)
	if err != nil {
		return err
	}
	path := make([][]byte, 0, len(parsed.Hashes))
	forMod := make(tlog.RecordProof, 0, len(parsed.Hashes))
	for _, hash := range parsed.Hashes {
		path = append(path, hash[:])
		forMod = append(forMod, tlog.Hash(hash))
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(parsed.ExtraData)
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, parsed.Index, checkpoint.Size, leaf, path, checkpoint.Hash); err != nil {
		return err
	}
	err = tlog.CheckRecord(forMod, int64(checkpoint.Size), tlog.Hash(checkpoint.Hash), int64(parsed.Index), tlog.RecordHash(parsed.ExtraData))
	if err == nil {
		fmt.Printf("ok %s: leaf %d of %d\n", name, parsed.Index, checkpoint.Size)
	}
	return err
}

func newChecker(vkey string, witnesses words) (*checker, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("x/mod note: %s: %w", vkey, err)
	}
	if other, err := fnote.NewVerifier(vkey); err != nil || other.KeyHash() != verifier.KeyHash() {
		return nil, fmt.Errorf("formats note: %s: %w", vkey, err)
	}
	checker := &checker{vkey: vkey, verifier: verifier}
	for _, witness := range witnesses {
		verifier, err := fnote.NewVerifierForCosignatureV1(witness)
		if err != nil {
			return nil, fmt.Errorf("formats note: %s: %w", witness, err)
		}
		checker.witnesses = append(checker.witnesses, verifier)
	}
	return checker, nil
}

func main() {
	var witnesses, proofs, olds words
	klog.InitFlags(nil)
	flag.Var(&witnesses, "witness", "a witness's key: its cosignature must be there")
	flag.Var(&proofs, "proof", "a .tlog-proof with its entry as extra data")
	flag.Var(&olds, "old", "an older checkpoint")
	flag.Parse()
	if flag.NArg() < 1 {
		fmt.Fprintln(os.Stderr, "usage: outside [-witness VKEY]... [-proof FILE]... [-old CHECKPOINT]... VKEY DIR|URL...")
		os.Exit(2)
	}
	checker, err := newChecker(flag.Arg(0), witnesses)
	if err != nil {
		fmt.Println("wrong:", err)
		os.Exit(1)
	}
	checker.proofs, checker.olds = proofs, olds
	code := 0
	check := func(name string, run func(string) error) {
		if err := run(name); err != nil {
			fmt.Printf("wrong %s: %s\n", name, strings.ReplaceAll(err.Error(), "\n", " "))
			code = 1
		}
	}
	for _, place := range flag.Args()[1:] {
		check(place, checker.checkLog)
	}
	for _, name := range checker.proofs {
		check(name, checker.checkProof)
	}
	os.Exit(code)
}
