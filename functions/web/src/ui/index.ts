// The components that pages are built from.
export { Badge, type BadgeKind } from "./badge";
export { Button, IconButton, LinkButton } from "./button";
export { Dialog } from "./dialog";
export { Choice, Field, Form, ProblemNote, useForm, type FormState } from "./form";
export { Icon, type IconName } from "./icon";
export { Empty, PagedList, Show, Skeleton, useLoad, type Loaded } from "./list";
export { Note, toast } from "./note";
export { Card, Moment, Money, Page, Tabs } from "./page";
export { usePoll } from "./poll";
export { Qr } from "./qr";
