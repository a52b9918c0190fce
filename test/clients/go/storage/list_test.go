package storage_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"clients/tidemark"

	"cloud.google.com/go/storage"
	"google.golang.org/api/iterator"
)

var names = []string{
	"a.txt", "b/", "b/1.txt", "b/2.txt", "b/c/3.txt", "b/c/4.txt", "b/d/5.txt", "b/e.txt", "c.txt", "z/é.txt", "z/😀.txt",
}

func TestList(t *testing.T) {
	uploads := clientAt(t, tidemark.New(t).URL).Bucket(bucket)
	for _, name := range names {
		put(t, uploads.Object(name), []byte(name), nil)
	}
	cases := []struct {
		name  string
		query *storage.Query
		want  []string
	}{
		{"everything", nil, names},
		{"prefix", &storage.Query{Prefix: "b/c"}, []string{"b/c/3.txt", "b/c/4.txt"}},
		{"delimiter", &storage.Query{Delimiter: "/"}, []string{"a.txt", "b/", "c.txt", "z/"}},
		{"prefix and delimiter", &storage.Query{Prefix: "b/", Delimiter: "/"},
			[]string{"b/", "b/1.txt", "b/2.txt", "b/c/", "b/d/", "b/e.txt"}},
		{"offsets", &storage.Query{StartOffset: "b/2", EndOffset: "b/e.txt"},
			[]string{"b/2.txt", "b/c/3.txt", "b/c/4.txt", "b/d/5.txt"}},
		{"offsets and delimiter", &storage.Query{Prefix: "b/", Delimiter: "/", StartOffset: "b/c/4", EndOffset: "b/e"},
			[]string{"b/c/", "b/d/"}},
		{"glob", &storage.Query{MatchGlob: "b/**/[34].txt"}, []string{"b/c/3.txt", "b/c/4.txt"}},
		{"a selection of attributes", selection(t, "Name"), names},
		{"nothing", &storage.Query{Prefix: "nothing"}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := listed(t, uploads.Objects(t.Context(), c.query)); !slices.Equal(got, slices.Sorted(slices.Values(c.want))) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func selection(t *testing.T, attrs ...string) *storage.Query {
	query := &storage.Query{}
	must(t, query.SetAttrSelection(attrs))
	return query
}

// listed has the names and prefixes of all pages, in order; on a page, prefixes come after names.
func listed(t *testing.T, objects *storage.ObjectIterator) []string {
	t.Helper()
	var names []string
	for {
		attrs, err := objects.Next()
		if errors.Is(err, iterator.Done) {
			slices.Sort(names)
			return names
		}
		must(t, err)
		names = append(names, attrs.Name+attrs.Prefix)
	}
}

func TestListWithTrailingDelimiter(t *testing.T) {
	uploads := clientAt(t, tidemark.New(t).URL).Bucket(bucket)
	for _, name := range names {
		put(t, uploads.Object(name), []byte(name), nil)
	}
	got := listed(t, uploads.Objects(t.Context(), &storage.Query{Delimiter: "/", IncludeTrailingDelimiter: true}))
	if want := []string{"a.txt", "b/", "b/", "c.txt", "z/"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestListByPages(t *testing.T) {
	uploads := clientAt(t, tidemark.New(t).URL).Bucket(bucket)
	var all []string
	for i := range 25 {
		name := fmt.Sprintf("dir-%d/%02d", i/5, i)
		put(t, uploads.Object(name), []byte(name), nil)
		all = append(all, name)
	}
	for _, query := range []*storage.Query{{}, {Delimiter: "/"}, {Prefix: "dir-3/", Delimiter: "/"}} {
		t.Run(fmt.Sprintf("prefix %q, delimiter %q", query.Prefix, query.Delimiter), func(t *testing.T) {
			want := listed(t, uploads.Objects(t.Context(), query))
			pager := iterator.NewPager(uploads.Objects(t.Context(), query), 2, "")
			var got []string
			for token := "more"; token != ""; {
				var page []*storage.ObjectAttrs
				var err error
				token, err = pager.NextPage(&page)
				must(t, err)
				if len(page) > 2 {
					t.Errorf("a page of %d", len(page))
				}
				for _, attrs := range page {
					got = append(got, attrs.Name+attrs.Prefix)
				}
			}
			if len(want) == 0 || !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	if got := listed(t, uploads.Objects(t.Context(), nil)); !slices.Equal(got, all) {
		t.Errorf("got %q, want %q", got, all)
	}
}

func TestListedAttributesAreThoseOfTheObject(t *testing.T) {
	uploads := clientAt(t, tidemark.New(t).URL).Bucket(bucket)
	put(t, uploads.Object("o"), content(mib), func(writer *storage.Writer) { writer.Metadata = map[string]string{"a": "1"} })
	want, err := uploads.Object("o").Attrs(t.Context())
	must(t, err)
	got, err := uploads.Objects(t.Context(), nil).Next()
	must(t, err)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
